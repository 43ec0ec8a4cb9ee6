//! Each form of a line that web servers write.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{NAME, append, before, counting, lines, two_sites};
use crate::lab::web::Nginx;
use crate::lab::{V4, have};

/// Lines as different servers write them, each with what it counts as: the family (0 is unknown), whether it is an
/// error, and whether it counts at all.
const FORMS: &[(&str, u8, bool, bool)] = &[
    (
        r#"198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"2001:db8::7 - - [NOW] "GET /a%20b HTTP/2.0" 503 5 "-" "curl/8""#,
        6,
        true,
        true,
    ),
    (
        r#"::ffff:198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"cafe.example:443 2001:db8::8 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        6,
        false,
        true,
    ),
    (
        r#"client.example - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        0,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] "GET /\"quoted\" HTTP/1.1" 500 5 "-" "a \"b\" c""#,
        4,
        true,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] "\x16\x03\x01" 400 5 "-" "-""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - bob [NOW] "GET /common HTTP/1.0" 200 5"#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 512 "-" "curl/8" "monitor/" "0.012""#,
        4,
        false,
        true,
    ),
    // What a client calls itself stands before the time, or behind it.
    (
        r#"198.51.100.7 - [1900000000] [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - [] [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - [28/Nov/2020:00:00:00 +0000] 503 :y [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"client.example - 2001:db8::1 [ [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        0,
        false,
        true,
    ),
    (
        r#"[NOW] 198.51.100.7 - [1900000000] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"ISO 198.51.100.7 - 28/Nov/2020:00:00:00 "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - [28/Nov/2020:00:00:00 +0000] [EPOCH] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] 200 [hit] "GET / HTTP/1.1" 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    // A client may ask for a name that begins as JSON does, have an empty name, and put quotes into its request.
    (
        r#"{ 198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - "" [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] "GET /"503 HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] "GET /"x HTTP/1.1" 200 5 "-" "cutover/9""#,
        4,
        false,
        false,
    ),
    // What syslog puts before it.
    (
        r#"Nov 22 10:33:00 web1 nginx: 2001:db8::1 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        6,
        false,
        true,
    ),
    (
        r#"<190>Nov  2 10:33:00 web1 nginx[12]: 198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"ISO web1 nginx: 198.51.100.7 - - "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
        4,
        false,
        true,
    ),
    // Agents are looked for in the agent alone.
    (
        r#"198.51.100.7 - - [NOW] "GET /?cutover/1 HTTP/1.1" 200 5 "https://monitor/" "curl/8""#,
        4,
        false,
        true,
    ),
    (
        r#"198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "cutover/9.9""#,
        4,
        false,
        false,
    ),
    (
        r#"{"time":"ISO","remote_addr":"2001:db8::9","status": 502,"http_user_agent":"curl/8"}"#,
        6,
        true,
        true,
    ),
    (
        r#"{"ts":EPOCH,"remoteIP":"2001:db8::1","status":"200","request":"/monitor/","userAgent":"curl/8"}"#,
        6,
        false,
        true,
    ),
    (
        r#"{"time_local":"NOW","client.ip":"2001:db8::1","status":200,"referer":"https://monitor/","agent":"curl/8"}"#,
        6,
        false,
        true,
    ),
    (
        r#"{"@timestamp":"ISO","host":"198.51.100.7","response":{"status":503},"user_agent":{"original":"curl/8"}}"#,
        4,
        true,
        true,
    ),
    (
        r#"{"time":"ISO","upstream":{"status":200,"addr":"[::1]:80"},"remote_addr":"198.51.100.7","status":503}"#,
        4,
        true,
        true,
    ),
    (
        r#"{"ts":EPOCH,"request":{"remote_ip":"2001:db8::1","host":"www.example","headers":{"User-Agent":["curl/8"]}},"status":200}"#,
        6,
        false,
        true,
    ),
    (
        r#"{"time":"ISO","ClientAddr":"[2001:db8::1]:4711","DownstreamStatus":200,"OriginStatus":500,"request_User-Agent":"x \"y\""}"#,
        6,
        false,
        true,
    ),
    (
        r#"{"time":"ISO","remote":"www.example","status":200,"uri":"/{\"status\":500}"}"#,
        0,
        false,
        true,
    ),
    (
        r#"{"time":"ISO","remote_addr":"198.51.100.9","status":"200","http_user_agent":"cutover\/9.9"}"#,
        4,
        false,
        false,
    ),
    (r#"web1 nginx - "curl/8""#, 0, false, false),
];

#[tokio::test]
async fn each_form_of_a_line_counts_as_what_it_is() {
    let looks = FORMS
        .iter()
        .map(|(line, family, error, counts)| async move {
            let folder = tempfile::tempdir().unwrap();
            let log = folder.path().join("an access log");
            // One of ours, which does not count: the file is an access log.
            append(
                &log,
                &lines(r#"198.51.100.9 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "cutover/9""#),
            );
            append(&log, &lines(line));
            let site = two_sites(&log, &log);
            let check = counting(&site, Duration::from_secs(60));
            let fields = (family, error, counts);
            let seen = before(check.as_ref(), &site).await.0.remove(0).1.unwrap();
            let all = |of: &str| {
                let of_interval = |name| seen["count"][name][of].as_u64().unwrap();
                of_interval("now") + of_interval("earlier")
            };
            let expected = |yes: bool| u64::from(yes && *fields.2);
            for (of, yes) in [
                ("requests", true),
                ("v4", *fields.0 == 4),
                ("v6", *fields.0 == 6),
                ("errors", *fields.1),
            ] {
                assert_eq!(all(of), expected(yes), "{of} of {line}: {seen}");
            }
        });
    futures::future::join_all(looks).await;
}

/// What was counted in both intervals.
fn sums(count: &Json) -> Json {
    let sum = |of: &str| ["now", "earlier"].map(|at| count[at][of].as_u64().unwrap());
    json!(["requests", "errors", "denied", "led"].map(|of| sum(of).iter().sum::<u64>()))
}

/// Whoever may write between the time and the request writes no status there.
#[tokio::test]
async fn the_name_that_a_client_asks_for_is_no_status() {
    if !have(&["nginx", "awk"]) {
        return;
    }
    let nginx = Nginx::logging(&[(NAME, None)], "hosts");
    let site = two_sites(&nginx.access_log(), &nginx.access_log());
    let check = counting(&site, Duration::from_secs(60));
    for host in ["503", NAME, NAME, "404", "302", NAME, "503", NAME] {
        let mut stream = TcpStream::connect(nginx.http_at(V4)).unwrap();
        write!(
            stream,
            "GET /host HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    let (seen, _) = before(check.as_ref(), &site).await;
    let count = &seen[0].1.as_ref().unwrap()["count"];
    // Those who ask for another name than the one that is served get 421.
    assert_eq!(sums(count), json!([8, 0, 4, 0]), "{count}");
}

/// Where the status stands before the request, a size of three digits behind it is none; and the name of a site may begin
/// as a date does.
#[tokio::test]
async fn lines_are_read_by_what_they_have_in_common() {
    let sized = [(200, 512), (200, 5120), (503, 200), (404, 301)];
    let sized = sized.map(|(status, size)| {
        format!(r#"198.51.100.7 - - [NOW] {status} "GET / HTTP/1.1" {size}"#)
    });
    // A port, and a length, stand before the request, and status and size behind it.
    let port = r#"198.51.100.7 - - [NOW] 443 "GET / HTTP/1.1" 503 512 "-" "M""#;
    let length = r#"198.51.100.7 - - [NOW] 503 "GET / HTTP/1.1" 200 5 "-" "M""#;
    let alone = r#"198.51.100.7 - - [NOW] 443 "GET / HTTP/1.1" 503"#;
    let named = r#"2024-conf.example.org:443 198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5"#;
    let cases = [
        (sized.join("\n"), json!([4, 1, 1, 0])),
        ([named; 3].join("\n"), json!([3, 0, 0, 0])),
        ([port; 3].join("\n"), json!([3, 3, 0, 0])),
        ([length; 3].join("\n"), json!([3, 0, 0, 0])),
        ([alone; 3].join("\n"), json!([3, 3, 0, 0])),
    ];
    // Status and size, each before and behind the other, in forms that people have published.
    let published = [
        r#"NOW 198.51.100.7 0.000 STATUS "GET / HTTP/1.1" SIZE "-" "M""#,
        r#"198.51.100.7 - - [NOW] 1795883828.941 "GET / HTTP/1.1" 568 STATUS  SIZE 0.000 "M""#,
        r#"198.51.100.7 [NOW] "GET / HTTP/1.1" 569 STATUS - - "-""#,
        r#"[NOW] 198.51.100.7 - "GET / HTTP/1.1" SIZE STATUS "-" "M""#,
        r#"198.51.100.7 [NOW] - - STATUS "GET / HTTP/1.1" SIZE "-" "M""#,
        r#"198.51.100.7 - h [NOW] request_time=0.000 	STATUS "GET / HTTP/1.1" SIZE"#,
    ];
    let with = |form: &str| {
        let answers = [
            ("200", "512"),
            ("503", "197"),
            ("404", "200"),
            ("200", "404"),
        ];
        let lines =
            answers.map(|(status, size)| form.replace("STATUS", status).replace("SIZE", size));
        (lines.join("\n"), json!([4, 1, 1, 0]))
    };
    let cases = cases.into_iter().chain(published.map(with));
    let looks = cases.map(|(text, expected)| async move {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        append(&log, &lines(&text));
        let site = two_sites(&log, &log);
        let check = counting(&site, Duration::from_secs(30));
        let (seen, _) = before(check.as_ref(), &site).await;
        let count = &seen[0].1.as_ref().unwrap()["count"];
        assert_eq!(sums(count), expected, "{text}: {count}");
    });
    futures::future::join_all(looks).await;
}
