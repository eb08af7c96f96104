/**
 * The objects of a simulated cluster, as its API server and etcd store them: versions, uids, preconditions, JSON Patch, and the events of each
 * kind for watches.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { applyPatch, PatchError, type PatchOperation } from "./json_patch.ts";

/** Metadata of an object, as far as the simulation uses it. */
export interface Metadata {
  /** Its name. */
  readonly name: string;
  /** Its namespace; absent for cluster-wide kinds. */
  readonly namespace?: string;
  /** Unique; a recreated object gets another. */
  readonly uid?: string;
  /** Changes with each write. */
  readonly resourceVersion?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** RFC 3339: end of its graceful deletion. */
  readonly deletionTimestamp?: string;
  /** Grace period of its deletion in seconds. */
  readonly deletionGracePeriodSeconds?: number;
  /** What must happen before its deletion ends. */
  readonly finalizers?: readonly string[];
  /** Annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its owners. */
  readonly ownerReferences?: readonly Readonly<Record<string, unknown>>[];
}

/** An object. Each write replaces it as a whole. */
export interface ApiObject {
  /** Metadata. */
  readonly metadata: Metadata;
  /** Desired state. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Observed state. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A change of an object. */
export interface ApiEvent {
  /** Type of the watch event. */
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** Resource of the object. */
  readonly resource: string;
  /** The object after the change. */
  readonly object: ApiObject;
}

/** A request that the API server refuses. */
export class ApiError extends Error {
  /** The class, for traces. */
  override name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** Invalid members of the object. */
  readonly causes: readonly unknown[];

  /** An error with the status and message of the answer. */
  constructor(status: number, message: string, causes: readonly unknown[] = []) {
    super(message);
    this.status = status;
    this.causes = causes;
  }
}

/** Validates a write, and returns the object to store. @throws {ApiError} the write is refused */
export type Admission = (resource: string, before: ApiObject | undefined, after: ApiObject) => ApiObject;

/** Resources that are backed up and restored. They may have an etcd of their own, so they have their own revisions. */
const RESTORED: ReadonlySet<string> = new Set(["ippools", "overlappingrangeipreservations"]);

/** A backup. */
export interface Backup {
  /** Its revision. */
  readonly revision: number;
  /** Its objects. */
  readonly objects: ReadonlyMap<string, ApiObject>;
}

/** All objects, by resource, namespace and name. */
export class ApiObjects {
  readonly #now: () => number;
  readonly #objects = new Map<string, ApiObject>();
  readonly #events: ApiEvent[] = [];
  #admit: Admission = (_resource, _before, after) => after;
  #revision = 0;
  #uids = 0;
  #changed = Promise.withResolvers<void>();

  /** Starts without objects. `now` is the API server's clock, in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Sets the admission of writes. */
  admit(admission: Admission): void {
    this.#admit = admission;
  }

  /** One object. */
  get(resource: string, namespace: string, name: string): ApiObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name));
  }

  /** All objects of a resource, in one namespace or in all. */
  list(resource: string, namespace?: string): ApiObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${resource}/${namespace ? `${namespace}/` : ""}`))
      .map(([, object]) => object);
  }

  /** All events, oldest first. */
  get events(): readonly ApiEvent[] {
    return this.#events;
  }

  /** Resolves at the next event. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Creates an object. @throws {ApiError} 409 if it exists */
  create(resource: string, object: ApiObject): ApiObject {
    const { name, namespace = "" } = object.metadata;
    if (this.get(resource, namespace, name)) throw new ApiError(409, `${resource} "${name}" already exists`);
    const creationTimestamp = this.timestamp();
    const uid = `00000000-0000-4000-8000-${String(++this.#uids).padStart(12, "0")}`;
    const metadata = { ...object.metadata, uid, creationTimestamp };
    return this.#put("ADDED", resource, undefined, { ...object, metadata });
  }

  /** Patches an object. @throws {ApiError} 404; 422 if a test fails or an operation cannot be applied */
  patch(resource: string, namespace: string, name: string, operations: readonly PatchOperation[]): ApiObject {
    const before = this.#existing(resource, namespace, name);
    const supported = operations.filter(({ path }) => path !== "/metadata/managedFields");
    try {
      return this.#put("MODIFIED", resource, before, applyPatch(before, supported));
    } catch (error) {
      if (error instanceof PatchError) throw new ApiError(422, error.message);
      throw error;
    }
  }

  /** Replaces an object. An equal object is no write. */
  update(resource: string, object: ApiObject): ApiObject {
    const { name, namespace = "" } = object.metadata;
    const before = this.#existing(resource, namespace, name);
    return isDeepStrictEqual(before, object) ? before : this.#put("MODIFIED", resource, before, object);
  }

  /** Deletes an object immediately. @throws {ApiError} 404; 409 if a precondition fails */
  remove(
    resource: string,
    namespace: string,
    name: string,
    { uid, resourceVersion }: { readonly uid?: string; readonly resourceVersion?: string } = {},
  ): ApiObject {
    const object = this.#existing(resource, namespace, name);
    const { metadata } = object;
    if ((uid && uid !== metadata.uid) || (resourceVersion && resourceVersion !== metadata.resourceVersion)) {
      throw new ApiError(409, `${resource} "${name}": the precondition does not hold`);
    }
    this.#objects.delete(keyOf(resource, namespace, name));
    if (RESTORED.has(resource)) this.#revision++;
    this.#happened({ type: "DELETED", resource, object: this.#versioned(resource, object) });
    return object;
  }

  /** Takes a backup. */
  backup(): Backup {
    return { revision: this.#revision, objects: new Map([...this.#objects].filter(([key]) => isRestored(key))) };
  }

  /** Restores a backup. Later revisions are used a second time. */
  restore({ revision, objects }: Backup): void {
    for (const key of [...this.#objects.keys()].filter(isRestored)) this.#objects.delete(key);
    for (const [key, object] of objects) this.#objects.set(key, object);
    this.#revision = revision;
  }

  /** The current time in the API server's format, in whole seconds. */
  timestamp(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, "Z");
  }

  #existing(resource: string, namespace: string, name: string): ApiObject {
    const object = this.get(resource, namespace, name);
    if (!object) throw new ApiError(404, `${resource} "${name}" not found`);
    return object;
  }

  #put(type: ApiEvent["type"], resource: string, before: ApiObject | undefined, after: ApiObject): ApiObject {
    const admitted = this.#admit(resource, before, after);
    if (RESTORED.has(resource)) this.#revision++;
    const object = this.#versioned(resource, admitted);
    const { name, namespace = "" } = object.metadata;
    this.#objects.set(keyOf(resource, namespace, name), object);
    this.#happened({ type, resource, object });
    return object;
  }

  /** The version of restored resources is the revision, which a restore resets; that of others is the number of the event, for watches. */
  #versioned(resource: string, object: ApiObject): ApiObject {
    const version = RESTORED.has(resource) ? this.#revision : this.#events.length + 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: `${version}` } };
  }

  #happened(event: ApiEvent): void {
    this.#events.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function keyOf(resource: string, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`;
}

function isRestored(key: string): boolean {
  return RESTORED.has(key.slice(0, key.indexOf("/")));
}
