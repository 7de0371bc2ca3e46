//! The order of a Java `HashMap`.

/// The order in which a Java `HashMap` (created empty, filled in the order given) hands out its keys: by bucket, inside
/// one bucket as put in. The keys are unique. Logstash keeps the hashes of a configuration in one and applies them so.
///
/// Buckets that Java turns into trees (nine keys or more in one of 64 or more buckets) are not followed.
pub fn java_hash_order(keys: &[&str]) -> Vec<usize> {
    const TABLE_SIZE_MIN: usize = 16;
    const TREEIFY_TABLE_SIZE_MIN: usize = 64;
    const CHAIN_LENGTH_MAX: usize = 8;
    let hashes: Vec<u32> = keys
        .iter()
        .map(|key| {
            let hash = key.encode_utf16().fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)));
            hash ^ (hash >> 16)
        })
        .collect();
    let bucket = |at: usize, size: usize| hashes[at] as usize & (size - 1);
    let mut size = TABLE_SIZE_MIN;
    for count in 1..=keys.len() {
        let newest = bucket(count - 1, size);
        let chain = (0..count).filter(|&at| bucket(at, size) == newest).count();
        if chain > CHAIN_LENGTH_MAX && size < TREEIFY_TABLE_SIZE_MIN {
            size *= 2;
        }
        if count > size / 4 * 3 {
            size *= 2;
        }
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&at| bucket(at, size));
    order
}
