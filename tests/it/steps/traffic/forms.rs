//! Each form of a line that web servers write.

use std::time::Duration;

use super::{append, before, counting, lines, two_sites};

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
    // The status may stand before the request, and a size of three digits behind it is none.
    (
        r#"198.51.100.7 - - [NOW] 200 "GET / HTTP/1.1" 512 "-" "curl/8""#,
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
