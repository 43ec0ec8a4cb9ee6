//! What the answer to an update means.

use std::net::SocketAddr;

use hickory_resolver::proto::op::ResponseCode;

use super::signed::{self, Opened};
use crate::event::Answer;

/// Whether the update was done, or what the server said instead.
pub(super) fn meaning(
    server: SocketAddr,
    key: &str,
    zone: &str,
    opened: &Opened,
) -> Result<(), Answer> {
    let Opened { reply, signed } = opened;
    let code = ResponseCode::from(0, (reply.code & 15) as u8);
    // The update may have been kept back by whoever said no in the server's place.
    let refused = |why: &str| match signed {
        true => Answer::Refused {
            why: format!("the name server `{server}` did not take the update: {why}"),
        },
        false => Answer::Declined {
            why: format!(
                "the name server `{server}` did not take the update: {why}; but it says so without a signature, so \
                 anybody may have said it"
            ),
        },
    };
    if let Some(why) = signed::denial(reply, key, zone) {
        return Err(refused(&why));
    }
    match code {
        ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::NotZone => {
            Err(refused(&format!("it answers `{code}`")))
        }
        _ if !signed => Err(Answer::Unclear {
            why: format!(
                "the name server `{server}` answered `{code}` without a signature, so anybody may have said it"
            ),
        }),
        ResponseCode::NoError => Ok(()),
        ResponseCode::NXRRSet => Err(refused(
            "a record set is not what it was (NXRRSET): somebody else wrote it, or the zone does not hold it and the server makes it up (from a wildcard, ALIAS or LUA)",
        )),
        ResponseCode::YXRRSet | ResponseCode::YXDomain => Err(refused(
            "a record set that must not exist does (YXRRSET): somebody else wrote it",
        )),
        ResponseCode::NXDomain => Err(refused("a name is gone (NXDOMAIN)")),
        _ => Err(Answer::Unclear {
            why: format!("the name server `{server}` answered `{code}` to the update"),
        }),
    }
}
