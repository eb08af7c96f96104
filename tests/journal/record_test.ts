import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import {
  addressName,
  decodeRecord,
  encodeEntries,
  encodeRecord,
  type JournalRecord,
  recordName,
} from "../../src/journal/record.ts";

const cidr = parseCidr("fd00::/64")?.cidr;
assert(cidr);

const RECORD: JournalRecord = {
  network: "net",
  containerId: "9f1c",
  ifName: "net1",
  conf: '{"name":"net"}',
  entries: [
    {
      key: { network: "blue", cidr },
      allocation: { address: cidr.base + 5n, podRef: "default/a", ifName: "net1", containerId: "9f1c" },
      token: "u/7",
    },
    {
      key: { network: "", node: "n1", cidr },
      allocation: { address: cidr.base + 6n, podRef: "default/a", ifName: "net1", containerId: "9f1c" },
    },
  ],
};

Deno.test("decodeRecord reads what encodeRecord wrote", () => {
  assert.deepEqual(decodeRecord(encodeRecord(RECORD)), RECORD);
  assert.deepEqual(decodeRecord(encodeRecord({ ...RECORD, entries: [] })), { ...RECORD, entries: [] });
});

Deno.test("decodeRecord reads the pools that may have further entries, until a later line has none", () => {
  assert(cidr);
  const pools = [{ network: "blue", node: "other", cidr }, { network: "blue", cidr }];
  const text = encodeRecord({ ...RECORD, entries: [] }) + encodeEntries({ entries: [], pools });
  assert.deepEqual(decodeRecord(text), { ...RECORD, entries: [], pools });
  assert.deepEqual(decodeRecord(encodeRecord({ ...RECORD, entries: [], pools })), { ...RECORD, entries: [], pools });
  assert.deepEqual(decodeRecord(text + encodeEntries(RECORD)), RECORD);
});

Deno.test("decodeRecord uses the entries of the last complete line", () => {
  const empty = { ...RECORD, entries: [] };
  const text = encodeRecord(empty) + encodeEntries(RECORD);
  assert.deepEqual(decodeRecord(text), RECORD);
  assert.deepEqual(decodeRecord(text + encodeEntries(empty)), empty);
  for (let length = encodeRecord(empty).length; length < text.length - 1; length++) {
    assert.deepEqual(decodeRecord(text.slice(0, length)), empty);
  }
});

Deno.test("decodeRecord refuses half a record and other formats", () => {
  const text = encodeRecord(RECORD);
  for (
    const part of ["", "{", text.slice(0, text.length / 2), "null", "[]", text.replace('"format":1', '"format":2')]
  ) {
    assert.equal(decodeRecord(part), undefined, part);
  }
});

Deno.test("decodeRecord adds node and pod uid to the entries, and skips an unknown store", () => {
  const record: JournalRecord = {
    ...RECORD,
    entries: RECORD.entries.map((entry) => ({
      ...entry,
      reserved: true,
      allocation: { ...entry.allocation, node: "n1", uid: "u1" },
    })),
    netns: "/run/netns/x",
    node: "n1",
    uid: "u1",
    store: { kind: "etcd", hosts: ["https://etcd:2379"], prefix: "/whereabouts", username: "root" },
    withoutSecret: true,
  };
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  const { store: _, ...rest } = record;
  assert.deepEqual(decodeRecord(encodeRecord(record).replace('"kind":"etcd"', '"kind":"new"')), rest);
});

Deno.test("addressName is unique per store, domain and address, and stays in its folder", () => {
  const [first, second] = RECORD.entries;
  assert(first && second);
  const stores = [undefined, { kind: "embedded", path: "/a" }, { kind: "embedded", path: "/b" }] as const;
  const names = stores.flatMap((store) => [addressName(store, first), addressName(store, second)]);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^fd00::[56]~[0-9a-f]{32}$/);
});

Deno.test("recordName is unique per attachment, and stays in its folder", () => {
  const names = [
    recordName({ network: "a", containerId: "b", ifName: "c" }),
    recordName({ network: "a", containerId: "b", ifName: "d" }),
    recordName({ network: "a.b", containerId: "b", ifName: "c" }),
    recordName({ network: "a", containerId: "b", ifName: "%2e%2e" }),
  ];
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.doesNotMatch(name, /\//);
});

Deno.test("recordName fits into a file system with its temporary file, is unique per attachment, and does not shorten short names", () => {
  assert.equal(recordName({ network: "net", containerId: "9f1c", ifName: "a%b" }), "net:9f1c:a%25b.json");
  const seen = new Map<string, string>();
  for (
    const network of [1, 63, 130, 140, 141, 150, 200, 253].flatMap((n) => ["n".repeat(n), `${"n".repeat(n - 1)}m`])
  ) {
    for (const containerId of ["c".repeat(64), `${"c".repeat(63)}d`, "c".repeat(200)]) {
      for (const ifName of ["net1", "net2", "\u6f22".repeat(15)]) {
        const name = recordName({ network, containerId, ifName });
        assert.ok(new TextEncoder().encode(`${name}.${crypto.randomUUID()}.tmp`).length <= 255, name);
        assert.equal(seen.get(name), undefined, name);
        seen.set(name, network);
        const plain = `${network}:${containerId}:${encodeURIComponent(ifName)}.json`;
        if (plain.length <= 214) assert.equal(name, plain);
      }
    }
  }
});

Deno.test("encodeRecord and encodeEntries write the members that other releases read", () => {
  const [first, second] = RECORD.entries;
  assert(first && second);
  const stored = '{"network":"blue","range":"fd00::/64","address":"fd00::5","podref":"default/a","token":"u/7"}';
  assert.equal(
    encodeRecord({ ...RECORD, entries: [first], pendingSince: 7 }),
    `{"format":1,"promised":7,"network":"net","containerId":"9f1c","ifName":"net1","conf":"{\\"name\\":\\"net\\"}","held":[${stored}]}\n`,
  );
  const other = '{"network":"","node":"n1","range":"fd00::/64","address":"fd00::6","podref":"default/a"}';
  assert.equal(encodeEntries({ entries: [second] }), `{"held":[${other}]}\n`);
});
