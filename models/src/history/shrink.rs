//! The smallest explanation of a violation.
//!
//! What may be left out of a history without changing what it means? Not any call: without the write, a read of its
//! value is a violation that was not there. But every call may be *forgotten*: of a forgotten call it is not known what
//! it answered, nor whether it took effect; if it did, then between its call and its return (where only each client's
//! order counts: at any time after its call). Whatever explains the history explains it then, so if it cannot be
//! explained although all but a few calls are forgotten, these few cannot be explained by themselves nor together with
//! whatever became of the others. A few that this holds for, and for none of them less, is what is said.

/// How many calls are tried one by one from the start.
const FEW: usize = 16;

/// Shrinks `calls`, which cannot be explained, until forgetting any one of them leaves something that can be, or
/// that `explained` cannot decide (`None`). Whether all was decided. What is last is forgotten first: of two
/// explanations the earlier is the easier to follow.
pub(super) fn shrink(calls: &mut Vec<u32>, mut explained: impl FnMut(&[u32]) -> Option<bool>) -> bool {
    let mut chunk = if calls.len() > FEW { calls.len().div_ceil(2) } else { 1 };
    loop {
        let (mut end, mut shrunk, mut decided) = (calls.len(), false, true);
        while end > 0 && calls.len() > 1 {
            let start = end.saturating_sub(chunk);
            let (before, after) = (calls.iter().take(start), calls.iter().skip(end));
            let fewer: Vec<u32> = before.chain(after).copied().collect();
            match explained(&fewer) {
                Some(false) => {
                    *calls = fewer;
                    shrunk = true;
                }
                answer => decided &= answer.is_some(),
            }
            end = start;
        }
        match chunk {
            1 if !shrunk => return decided,
            1 => {}
            _ => chunk = chunk.div_ceil(2),
        }
    }
}
