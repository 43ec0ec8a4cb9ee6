//! Web servers: a real nginx with names, and certificates of an authority of our own.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Guard, READY, V4, V6, free_port, program, read, wait_for_port, wait_until};

/// A certificate authority that no system knows.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::called("authority of the lab")
    }

    pub fn called(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, valid until 1 January of `until`.
    pub fn issue(&self, names: &[&str], until: i32) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// One nginx. Plain HTTP and HTTPS, each on a port of its own, on 127.0.0.1 and `[::1]`.
pub struct Nginx {
    folder: TempDir,
    pub http: u16,
    pub https: u16,
    server: Guard,
}

impl Nginx {
    /// Starts it with one server block for each name. Names without an identity speak plain HTTP only;
    /// a name that is not served is answered with status 421.
    pub fn start(names: &[(&str, Option<&Identity>)]) -> Nginx {
        Nginx::logging(names, "combined")
    }

    /// Its log is written as these words of `access_log` say; the form `hosts` has the name that a client asks for between
    /// the time and the request.
    pub fn logging(names: &[(&str, Option<&Identity>)], how: &str) -> Nginx {
        let folder = tempfile::tempdir().unwrap();
        let (http, https) = (free_port(), free_port());
        let at = folder.path().display();
        let user = if rustix::process::geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let mut blocks = String::new();
        for (name, identity) in names {
            let root = folder.path().join("root").join(name);
            std::fs::create_dir_all(&root).unwrap();
            std::fs::write(root.join("index.html"), format!("<h1>{name}</h1>\n")).unwrap();
            let mut listen = format!("listen 127.0.0.1:{http}; listen [::1]:{http};");
            if let Some(identity) = identity {
                std::fs::write(
                    folder.path().join(format!("{name}.pem")),
                    &identity.certificate,
                )
                .unwrap();
                std::fs::write(folder.path().join(format!("{name}.key")), &identity.key).unwrap();
                write!(
                    listen,
                    " listen 127.0.0.1:{https} ssl; listen [::1]:{https} ssl; \
                     ssl_certificate {at}/{name}.pem; ssl_certificate_key {at}/{name}.key;"
                )
                .unwrap();
            }
            writeln!(
                blocks,
                "server {{ {listen} server_name {name}; root {at}/root/{name}; \
                 location = /moved {{ return 302 http://elsewhere.example/; }} \
                 location = /host {{ return 200 \"$http_host $scheme $server_addr\"; }} }}"
            )
            .unwrap();
        }
        let config = format!(
            "{user}\ndaemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n\
             log_format hosts '$remote_addr - $remote_user [$time_local] $http_host \"$request\" $status $body_bytes_sent \
             \"$http_referer\" \"$http_user_agent\"';\n\
             access_log {at}/access.log {how};\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{ listen 127.0.0.1:{http} default_server; listen [::1]:{http} default_server; return 421; }}\n\
             {blocks}}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let mut nginx = Command::new(program("nginx"));
        nginx.arg("-p").arg(folder.path());
        nginx.arg("-e").arg(folder.path().join("error.log"));
        nginx.arg("-c").arg(folder.path().join("nginx.conf"));
        let mut server = Guard::start(nginx, folder.path().join("log"));
        for ip in [V4, V6] {
            wait_for_port(&mut server, SocketAddr::new(ip, http));
        }
        Nginx {
            folder,
            http,
            https,
            server,
        }
    }

    pub fn http_at(&self, ip: IpAddr) -> SocketAddr {
        SocketAddr::new(ip, self.http)
    }

    pub fn https_at(&self, ip: IpAddr) -> SocketAddr {
        SocketAddr::new(ip, self.https)
    }

    /// The folder that a name's files are served from.
    pub fn root(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    pub fn access_log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    pub fn accesses(&self) -> String {
        read(&self.access_log())
    }

    /// Moves the access log away and lets nginx begin a new one, as logrotate does.
    pub fn rotate(&self) {
        let log = self.access_log();
        std::fs::rename(&log, log.with_extension("log.1")).unwrap();
        self.signal(Signal::USR1);
        wait_until("nginx opens a new access log", READY, || {
            log.exists().then_some(())
        });
    }

    /// The master; its worker is a child of it.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.server.pid()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A killed master leaves its worker behind, so it is asked to end both.
        self.signal(Signal::TERM);
        self.server.ended();
    }
}

/// Writes a PEM file and tells its path.
pub fn pem_file(folder: &Path, pem: &str) -> PathBuf {
    let path = folder.join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    path
}
