/**
 * The answers of the allocator that are not addresses. Failures of the store are in `storage/driver.ts`.
 *
 * @module
 */

/** A range has no address left for the owner. CNI code 100. */
export class PoolExhaustedError extends Error {
  /** The class, for logs. */
  override name = "PoolExhaustedError";
}

/** A requested address is somebody else's, or nobody's to have. CNI code 101. */
export class AddressTakenError extends Error {
  /** The class, for logs. */
  override name = "AddressTakenError";
}

/** What CHECK looks for is not there or not the owner's. */
export class NotAllocatedError extends Error {
  /** The class, for logs. */
  override name = "NotAllocatedError";
}

/** A newer sandbox of the same interface took the address over while the call was under way. CNI code 11. */
export class SupersededError extends Error {
  /** The class, for logs. */
  override name = "SupersededError";
}

/** This node has no slice of the range. CNI code 103. */
export class NoSliceError extends Error {
  /** The class, for logs. */
  override name = "NoSliceError";
}
