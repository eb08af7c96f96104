/**
 * The objects of a simulated cluster, as its API server and etcd keep them: versions, uids, preconditions, JSON Patch, and what happened to
 * each kind for those who watch it.
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
  /** Another object of the same name has another. */
  readonly uid?: string;
  /** Changes with each write. */
  readonly resourceVersion?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** RFC 3339: it is being deleted, and may take until then. */
  readonly deletionTimestamp?: string;
  /** Seconds that its deletion may take. */
  readonly deletionGracePeriodSeconds?: number;
  /** Annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** An object: values only, replaced as a whole by each write. */
export interface ApiObject {
  /** Name and version. */
  readonly metadata: Metadata;
  /** What is wanted. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** What is. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Something that happened to an object. */
export interface ApiEvent {
  /** As watches name it. */
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** Of which kind. */
  readonly resource: string;
  /** The object after it. */
  readonly object: ApiObject;
}

/** A request that the API server refuses. */
export class ApiError extends Error {
  /** The class, for traces. */
  override name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** What is not valid in the object. */
  readonly causes: readonly unknown[];

  /** With the status and message of the answer. */
  constructor(status: number, message: string, causes: readonly unknown[] = []) {
    super(message);
    this.status = status;
    this.causes = causes;
  }
}

/** What a kind refuses to be written. */
export type Admission = (resource: string, before: ApiObject | undefined, after: ApiObject) => ApiObject;

/** The objects that are backed up and restored: an etcd may be theirs alone, so its revisions are theirs. */
const RESTORED: ReadonlySet<string> = new Set(["ippools", "overlappingrangeipreservations"]);

/** What is in a backup. */
export interface Backup {
  /** The revision that it was taken at. */
  readonly revision: number;
  /** Every object. */
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

  /** Starts with none. `now`: the API server's clock, in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Lets each write pass through a check, which may change it. */
  admit(admission: Admission): void {
    this.#admit = admission;
  }

  /** One object. */
  get(resource: string, namespace: string, name: string): ApiObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name));
  }

  /** Every object of a kind, of a namespace or of all. */
  list(resource: string, namespace?: string): ApiObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${resource}/${namespace ? `${namespace}/` : ""}`))
      .map(([, object]) => object);
  }

  /** What happened, oldest first. */
  get events(): readonly ApiEvent[] {
    return this.#events;
  }

  /** Resolves when something happens. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Creates one. @throws {ApiError} 409 where it exists */
  create(resource: string, object: ApiObject): ApiObject {
    const { name, namespace = "" } = object.metadata;
    if (this.get(resource, namespace, name)) throw new ApiError(409, `${resource} "${name}" already exists`);
    const creationTimestamp = this.timestamp();
    const uid = `00000000-0000-4000-8000-${String(++this.#uids).padStart(12, "0")}`;
    const metadata = { ...object.metadata, uid, creationTimestamp };
    return this.#put("ADDED", resource, undefined, { ...object, metadata });
  }

  /** Changes one. @throws {ApiError} 404; 422 where a test fails or an operation cannot be applied */
  patch(resource: string, namespace: string, name: string, operations: readonly PatchOperation[]): ApiObject {
    const before = this.#existing(resource, namespace, name);
    const wanted = operations.filter(({ path }) => path !== "/metadata/managedFields");
    try {
      return this.#put("MODIFIED", resource, before, applyPatch(before, wanted));
    } catch (error) {
      if (error instanceof PatchError) throw new ApiError(422, error.message);
      throw error;
    }
  }

  /** Replaces what one says. What it says already is no write. */
  update(resource: string, object: ApiObject): ApiObject {
    const { name, namespace = "" } = object.metadata;
    const before = this.#existing(resource, namespace, name);
    return isDeepStrictEqual(before, object) ? before : this.#put("MODIFIED", resource, before, object);
  }

  /** Deletes one at once. @throws {ApiError} 404; 409 where it is not as the preconditions have it */
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

  /** A copy of what a restore brings back. */
  backup(): Backup {
    return { revision: this.#revision, objects: new Map([...this.#objects].filter(([key]) => isRestored(key))) };
  }

  /** Brings back what a copy holds; from here on revisions are used a second time. */
  restore({ revision, objects }: Backup): void {
    for (const key of [...this.#objects.keys()].filter(isRestored)) this.#objects.delete(key);
    for (const [key, object] of objects) this.#objects.set(key, object);
    this.#revision = revision;
  }

  /** Now, as the API server writes it: whole seconds. */
  timestamp(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, "Z");
  }

  #existing(resource: string, namespace: string, name: string): ApiObject {
    const object = this.get(resource, namespace, name);
    if (!object) throw new ApiError(404, `${resource} "${name}" not found`);
    return object;
  }

  #put(type: ApiEvent["type"], resource: string, before: ApiObject | undefined, wanted: ApiObject): ApiObject {
    const admitted = this.#admit(resource, before, wanted);
    if (RESTORED.has(resource)) this.#revision++;
    const object = this.#versioned(resource, admitted);
    const { name, namespace = "" } = object.metadata;
    this.#objects.set(keyOf(resource, namespace, name), object);
    this.#happened({ type, resource, object });
    return object;
  }

  /** What is restored counts by the revision, which a restore sets back; the rest by its place among the events, for those who watch. */
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
