// @hot Log-linear buckets for whole numbers.
//
// Values below 64 have a bucket each; above, every power of two is cut into 32 equal buckets, so that the middle of a bucket is
// within 1/64 (1.6 %) of every value in it. The whole range up to 2^53 takes 1568 buckets.

const SUB_BUCKET_BITS = 5;
/** Buckets per power of two. */
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
/** Values below this are their own bucket. */
const EXACT = 2 * SUB_BUCKETS;
const TWO_31 = 0x8000_0000;
const TWO_32 = 0x1_0000_0000;

/** Bucket of a whole number from 0 to 2^53 − 1. */
export function bucketOf(units: number): number {
  if (units < EXACT) return units;
  if (units >= TWO_31) return bucketOfLarge(units);
  const exponent = 31 - Math.clz32(units);
  return (
    ((exponent - SUB_BUCKET_BITS + 1) << SUB_BUCKET_BITS) +
    ((units >>> (exponent - SUB_BUCKET_BITS)) & (SUB_BUCKETS - 1))
  );
}

function bucketOfLarge(units: number): number {
  // Halving a value often enough to reach [2^30, 2^31) keeps its leading bits and lowers its bucket by one octave each time.
  const halvings = 33 - Math.clz32(units / TWO_32);
  return bucketOf(Math.floor(units / 2 ** halvings)) + (halvings << SUB_BUCKET_BITS);
}

/** The middle of a bucket's whole numbers. */
export function middleOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const width = 2 ** ((bucket >>> SUB_BUCKET_BITS) - 1);
  return (SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1))) * width + (width - 1) / 2;
}
