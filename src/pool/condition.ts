/**
 * Conditions in the status of objects.
 *
 * @module
 */

/** A condition of an object (`metav1.Condition`). */
export interface Condition {
  /** Its type. */
  readonly type: string;
  /** `True`, `False` or `Unknown`. */
  readonly status: string;
  /** One word. */
  readonly reason: string;
  /** One sentence. */
  readonly message: string;
  /** When `status` last changed, in RFC 3339. */
  readonly lastTransitionTime: string;
}

/**
 * A condition with its transition time: the stored one while `status` stays, else now. Kubernetes writes it in whole seconds.
 *
 * @param stored the present conditions of the object
 * @param now in milliseconds since 1970
 */
export function dated(
  condition: Omit<Condition, "lastTransitionTime">,
  stored: readonly Condition[],
  now: number,
): Condition {
  const before = stored.find(({ type }) => type === condition.type);
  const since = before?.status === condition.status ? before.lastTransitionTime : new Date(now).toISOString();
  return { ...condition, lastTransitionTime: since.replace(/\.\d+Z$/, "Z") };
}
