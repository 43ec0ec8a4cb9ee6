//! PowerDNS, with its HTTP API and dynamic updates.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{Tsig, serial};
use crate::lab::{Guard, free_port, program, put, v4, v6};

/// Where distributions keep the schema of the database.
const SCHEMAS: &[&str] = &[
    "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql",
    "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
    "/usr/share/doc/pdns/schema.sqlite3.sql",
];

#[derive(Debug)]
pub struct PowerDns {
    pub v4: SocketAddr,
    pub v6: SocketAddr,
    /// The HTTP API.
    pub api: SocketAddr,
    pub api_key: String,
    pub guard: Guard,
    dir: TempDir,
}

impl PowerDns {
    /// A primary of these zones (name, text): by its API, and by updates and transfers on the word of the key.
    pub fn primary(zones: &[(&str, &str)], key: &Tsig) -> PowerDns {
        PowerDns::telling(zones, key, None)
    }

    /// The same, and a secondary at this port is told of changes when the API is asked to tell it: by itself
    /// the server would do so long after any test.
    pub fn telling(zones: &[(&str, &str)], key: &Tsig, tells: Option<u16>) -> PowerDns {
        let dir = tempfile::tempdir().unwrap();
        let (port, api_port) = (free_port(), free_port());
        let database = dir.path().join("pdns.sqlite3");
        let schema = SCHEMAS
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .expect("the schema of pdns-backend-sqlite3 is installed");
        let sqlite = rusqlite::Connection::open(&database).unwrap();
        sqlite.execute_batch(&schema).unwrap();
        drop(sqlite);
        let path = dir.path().display();
        let api_key = "lab-api-key".to_owned();
        let tells = tells.map_or(String::new(), |port| {
            format!("also-notify=127.0.0.1:{port}\nonly-notify=\n")
        });
        let config = format!(
            "launch=gsqlite3\ngsqlite3-database={}\ngsqlite3-pragma-synchronous=0\ngsqlite3-dnssec=yes\n\
             api=yes\napi-key={api_key}\nwebserver=yes\nwebserver-address=127.0.0.1\nwebserver-port={api_port}\n\
             webserver-allow-from=127.0.0.0/8,::1\nlocal-address=127.0.0.1,::1\nlocal-port={port}\n\
             socket-dir={path}\nxfr-cycle-interval=600\ndaemon=no\nguardian=no\nprimary=yes\n\
             dnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8,::1\nallow-axfr-ips=127.0.0.0/8,::1\n\
             cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-metadata-cache-ttl=0\n\
             zone-cache-refresh-interval=0\nreceiver-threads=1\ndistributor-threads=1\nconsistent-backends=yes\n{tells}",
            database.display()
        );
        put(dir.path(), "pdns.conf", &config);
        let mut command = Command::new(program("pdns_server"));
        command.arg(format!("--config-dir={path}"));
        let guard = Guard::start(command, dir.path().join("pdns.log"));
        let mut server = PowerDns {
            v4: v4(port),
            v6: v6(port),
            api: v4(api_port),
            api_key,
            guard,
            dir,
        };
        let (api, api_key) = (server.api, server.api_key.clone());
        server.guard.ready("pdns_server", || {
            request(api, &api_key, "GET", "", None).filter(|(status, _)| *status == 200)
        });
        server.call(
            "POST",
            "/tsigkeys",
            &json!({ "name": key.name, "algorithm": "hmac-sha256", "key": key.secret }),
        );
        for (name, text) in zones {
            server.call(
                "POST",
                "/zones",
                &json!({
                    "name": format!("{name}."), "kind": "Master", "nameservers": [],
                    "soa_edit_api": "INCREASE", "zone": text,
                    "master_tsig_key_ids": [format!("{}.", key.name)],
                }),
            );
            server.call(
                "POST",
                &format!("/zones/{name}./metadata"),
                &json!({ "kind": "TSIG-ALLOW-DNSUPDATE", "metadata": [key.name] }),
            );
        }
        let at = server.v4;
        server.guard.ready("pdns_server", || serial(at, zones[0].0));
        server
    }

    /// One request to the API, below the server's path; panics unless it succeeds.
    pub fn call(&self, method: &str, path: &str, body: &Json) -> Json {
        let (status, text) = self.try_call(method, path, body);
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {text}\n{}",
            self.guard.said()
        );
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    /// The same, whatever the status is.
    pub fn try_call(&self, method: &str, path: &str, body: &Json) -> (u16, String) {
        let body = (!body.is_null()).then(|| body.to_string());
        request(self.api, &self.api_key, method, path, body.as_deref()).expect("the API answers")
    }

    /// Changes what the server stores, past its API.
    pub fn store(&self, statement: &str) {
        let database = self.dir.path().join("pdns.sqlite3");
        let sqlite = rusqlite::Connection::open(database).unwrap();
        sqlite.busy_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(sqlite.execute(statement, []).unwrap(), 1, "{statement}");
    }

    /// One set as the API shows it, comments and disabled records included.
    pub fn rrset(&self, zone: &str, name: &str, rtype: &str) -> Option<Json> {
        let zone = self.call("GET", &format!("/zones/{zone}."), &Json::Null);
        let name = format!("{name}.");
        (zone["rrsets"].as_array().unwrap().iter())
            .find(|set| set["name"] == json!(name) && set["type"] == json!(rtype))
            .cloned()
    }
}

/// A request without keep-alive; status and body, where there is an answer.
fn request(
    at: SocketAddr,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Option<(u16, String)> {
    let body = body.unwrap_or_default();
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(20)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    write!(
        stream,
        "{method} /api/v1/servers/localhost{path} HTTP/1.0\r\nHost: {at}\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
