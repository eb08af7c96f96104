import assert from "node:assert/strict";
import { check } from "../../src/cli/check.ts";
import { claims } from "../../src/cli/claims.ts";
import { commandFirst } from "../../src/cli/leading_flags.ts";
import { show } from "../../src/cli/show.ts";
import { whoHas } from "../../src/cli/who_has.ts";
import { call, database } from "./lab.ts";

Deno.test("commandFirst moves flags and their values behind the command", () => {
  const moved: readonly (readonly [given: string, expected: string])[] = [
    ["-n kube-system show web", "show -n kube-system web"],
    ["-nkube-system -A show", "show -nkube-system -A"],
    ["--kubeconfig=/k --context c check -o json", "check --kubeconfig=/k --context c -o json"],
    ["-w -o wide show", "show -w -o wide"],
    ["show -n x", "show -n x"],
    ["--help", "--help"],
    ["-n x", "-n x"],
    ["-n", "-n"],
    ["-- show", "-- show"],
    ["- show", "- show"],
    ["", ""],
  ];
  for (const [given, expected] of moved) {
    assert.equal(commandFirst(given.split(" ").filter((word) => word)).join(" "), expected, given);
  }
});

Deno.test("commandFirst knows which flags of the reading commands have a value", () => {
  for (const { manual: { flags } } of [show, whoHas, check, claims]) {
    for (const [name, { type, short }] of Object.entries(flags)) {
      if (name === "map") continue; // a flag of one command, which stands behind it
      for (const flag of [`--${name}`, ...(short ? [`-${short}`] : [])]) {
        const given = type === "boolean" ? [flag, "show"] : [flag, "value", "show"];
        assert.equal(commandFirst(given)[0], "show", flag);
      }
    }
  }
});

Deno.test("a command takes its flags before it", async () => {
  await using db = await database();
  const before = await call({}, "--database", db.path, "-o", "name", "show");
  assert.deepEqual([before.code, before.out], [0, "10.0.0.0/28\nfd00::/124\n"]);
  const none = await call({}, "-n", "kube-system");
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.err, /Unknown command "-n"/);
});
