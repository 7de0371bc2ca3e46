//! `drop`: ends events.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-filters-drop.html>. With `percentage` below 100 only
//! that share of the events, chosen at random; the others go on untouched, the common options never apply.
//! Deviations: none known.

use super::{Fault, Filter, FilterCx, Outcome};
use crate::config::build::BuildCx;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::event::Event;

/// The options of `drop`.
pub const OPTIONS: &[OptionSpec] = &[OptionSpec::new("percentage", OptType::Number)];

/// Builds the filter.
pub fn build(options: &Options, _cx: &mut BuildCx<'_>) -> Option<Box<dyn Filter>> {
    let percentage = options.number("percentage").map_or(100.0, |n| n.value.as_f64());
    Some(Box::new(Drop { percentage }))
}

/// The filter.
#[derive(Debug)]
pub struct Drop {
    /// 100 or more: all events.
    pub percentage: f64,
}

impl Filter for Drop {
    fn plugin(&self) -> &'static str {
        "drop"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        // 53 random bits make a double below 1
        let draw = || (cx.world.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        if self.percentage >= 100.0 || draw() * 100.0 < self.percentage {
            event.cancel();
        }
        Ok(Outcome::Unmatched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Arena, Origin, Timestamp};
    use crate::filter::Scratch;
    use crate::world::still;

    fn dropped(percentage: f64, random: u64) -> bool {
        let arena = Arena::new();
        let world = still::world(Timestamp::default(), random);
        let mut event = Event::new(&arena, Origin::default());
        let mut cx = FilterCx {
            arena: &arena,
            world: &world,
            emitted: &mut vec![],
            scratch: &mut Scratch::default(),
            memo: &mut Default::default(),
        };
        Drop { percentage }.apply(&mut event, &mut cx).unwrap();
        event.is_cancelled()
    }

    #[test]
    fn the_share_that_is_asked_for_is_dropped() {
        assert!(dropped(100.0, u64::MAX));
        assert!(!dropped(0.0, 0));
        assert!(dropped(50.0, u64::MAX / 2 - 1));
        assert!(!dropped(50.0, u64::MAX / 2 + 2048));
    }
}
