//! One look is not a state: an address that shows new records for the first time is asked again, from fresh ports,
//! before that counts. Behind one address there may be several servers (anycast, a balancer, two instances), and one
//! of them may be stale.

use std::time::Duration;

use futures::future::join_all;

use super::seen::{self, Asked, Role, Sides};
use super::{AT_ONCE, Round};
use crate::dns::RecordKey;

/// How many looks in a row must show nothing but new records. With one stale server of two, and two questions a
/// look, all of them are lucky once in a thousand times.
pub(super) const TIMES: usize = 5;

/// Between two of them.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

impl Round<'_> {
    /// Looks again where everything is new and was not so before, until it was new often enough or is not. Each
    /// question has a socket, and so a port, of its own.
    pub(super) async fn steadily(&self, asked: &mut Asked, role: Role) {
        let sites = self.addresses_of_sites();
        let sides = Sides::new(&sites, self.aim);
        let zone = self.zone.name.clone();
        let server = match role {
            Role::Authoritative => asked.server.clone(),
            Role::Resolver | Role::SystemResolver => format!("resolver {}", asked.server),
        };
        let key = (zone.clone(), server.clone(), self.aim.active.clone());
        let earlier = {
            let mut memory = self.check.memory();
            if asked.told().any(|told| sides.is_new(told)) {
                // Nor is it any longer what the other direction waited for.
                let other = (zone, server, self.aim.idle.clone());
                memory.new_since.remove(&other);
            }
            memory.new_since.get(&key).cloned()
        };
        let is_old = |asked: &Asked| asked.told().any(|told| sides.is_old(told));
        if is_old(asked) {
            asked.wavers = earlier.is_some();
            self.check.memory().new_since.remove(&key);
            return;
        }
        if !asked.all_told(role) || earlier.is_some() {
            asked.new_since = earlier;
            return;
        }
        // Those that lead to the active side first; where none does, nothing is claimed.
        let (new, others): (Vec<_>, Vec<_>) = (asked.answers.iter())
            .partition(|(_, told)| told.as_ref().is_ok_and(|told| sides.is_new(told)));
        let keys = new.iter().chain(&others).map(|(key, _)| key.clone());
        let keys: Vec<RecordKey> = match new.is_empty() {
            true => Vec::new(),
            false => keys.take(AT_ONCE).collect(),
        };
        for _ in 1..TIMES {
            if keys.is_empty() {
                break;
            }
            self.site.clock.sleep(self.check.pause).await;
            self.again(asked, &keys, role).await;
            let old = is_old(asked);
            if old || !asked.all_told(role) {
                asked.wavers = old;
                return;
            }
        }
        asked.new_since = Some(asked.taken.clone());
        let since = asked.taken.clone();
        self.check.memory().new_since.insert(key, since);
    }

    /// Asks for these sets once more; an answer that is not new takes the place of the one before.
    async fn again(&self, asked: &mut Asked, keys: &[RecordKey], role: Role) {
        let rd = role != Role::Authoritative;
        let over_udp = join_all(keys.iter().map(|key| self.ask(asked.at, key, rd)));
        let over_tcp = async {
            match (role, keys.first()) {
                (Role::Authoritative, Some(key)) => self.ask_tcp(asked.at, key).await.ok(),
                _ => None,
            }
        };
        let (over_udp, over_tcp) = futures::join!(over_udp, over_tcp);
        let sides = Sides::new(&self.addresses_of_sites(), self.aim);
        for (key, told) in keys.iter().zip(over_udp) {
            let is_new =
                seen::is_told(&told, role) && told.as_ref().is_ok_and(|told| sides.is_new(told));
            if !is_new && let Some(slot) = asked.answers.iter_mut().find(|(of, _)| of == key) {
                slot.1 = told;
            }
        }
        // Where TCP does not answer at all, the first look said so.
        if let Some(told) = over_tcp
            && sides.is_old(&told)
        {
            asked.over_tcp = Some(Ok(told));
        }
    }
}
