//! unbound, as a cache in front of one name server.

use std::net::SocketAddr;
use std::process::Command;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use tempfile::TempDir;

use super::ask;
use crate::lab::{Guard, free_port, program, put, v4, v6};

#[derive(Debug)]
pub struct Unbound {
    pub v4: SocketAddr,
    pub v6: SocketAddr,
    pub guard: Guard,
    _dir: TempDir,
}

impl Unbound {
    /// A cache that asks `of` for one zone; `more` are further lines of the `server:` clause.
    pub fn cache(zone: &str, of: SocketAddr, more: &str) -> Unbound {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let path = dir.path().display();
        let config = format!(
            "server:\n  interface: 127.0.0.1@{port}\n  interface: ::1@{port}\n  \
             access-control: 127.0.0.0/8 allow\n  access-control: ::1/128 allow\n  \
             chroot: \"\"\n  username: \"\"\n  directory: \"{path}\"\n  pidfile: \"{path}/unbound.pid\"\n  \
             use-syslog: no\n  do-daemonize: no\n  num-threads: 1\n  do-not-query-localhost: no\n  \
             module-config: \"iterator\"\n  local-zone: \"{zone}.\" nodefault\n  {more}\n\
             remote-control:\n  control-enable: no\n\
             stub-zone:\n  name: \"{zone}\"\n  stub-addr: {}@{}\n",
            of.ip(),
            of.port()
        );
        let config = put(dir.path(), "unbound.conf", &config);
        let mut command = Command::new(program("unbound"));
        command.arg("-d").arg("-c").arg(config);
        let mut guard = Guard::start(command, dir.path().join("unbound.log"));
        guard.ready("unbound", || {
            ask(v4(port), zone, RecordType::SOA, true)
                .filter(|answer| answer.metadata.response_code == ResponseCode::NoError)
        });
        Unbound {
            v4: v4(port),
            v6: v6(port),
            guard,
            _dir: dir,
        }
    }
}
