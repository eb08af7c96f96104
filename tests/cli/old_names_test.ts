import assert from "node:assert/strict";
import { OLD_NAMES, oldNameOf, translate } from "../../src/cli/old_names.ts";
import { call } from "./lab.ts";

/** `PROGRAM ARGS`, our command, and the flags that are ignored. */
const CALLS: readonly (readonly [call: string, command: string, ignored?: string])[] = [
  ["ip-control-loop", "controller --datastore=kubernetes"],
  ["ip-control-loop -log-level debug", "controller --datastore=kubernetes --log-level=debug"],
  ["ip-control-loop --log-level=verbose", "controller --datastore=kubernetes --log-level=verbose"],
  ["ip-reconciler -log-level debug", "controller --datastore=kubernetes --log-level=debug"],
  ["ip-reconciler -kubeconfig=", "controller --datastore=kubernetes"],
  [
    "ip-reconciler -kubeconfig=/host/kc -log-level=verbose -timeout 30",
    "reconcile --datastore=kubernetes --kubeconfig=/host/kc",
    "-log-level -timeout",
  ],
  ["node-slice-controller", "controller --datastore=kubernetes"],
  [
    "node-slice-controller -v 4 -logtostderr -stderrthreshold=INFO --kubeconfig /kc",
    "controller --datastore=kubernetes --kubeconfig=/kc",
    "-v -logtostderr -stderrthreshold",
  ],
  ["install-cni.sh", "install"],
  ["token-watcher.sh", "install"],
];

for (const [given, command, ignored = ""] of CALLS) {
  Deno.test(`the original's ${given} is ${command}`, () => {
    const [name = "", ...args] = given.split(" ");
    const translated = translate(name, args);
    assert.equal(translated.args?.join(" "), command);
    assert.equal(translated.ignored.map(({ flag }) => flag).join(" "), ignored);
    assert(translated.ignored.every(({ instead }) => instead !== ""));
  });
}

Deno.test("a kubeconfig is used with WHEREABOUTS_NAMESPACE, as the original does", () => {
  const { args } = translate("node-slice-controller", ["-kubeconfig", "/kc"], "net");
  assert.equal(args?.join(" "), "controller --datastore=kubernetes --kubeconfig=/kc --namespace=net");
  assert.equal(translate("ip-reconciler", [], "net").args?.join(" "), "controller --datastore=kubernetes");
});

const REFUSED: readonly (readonly [call: string, why: RegExp])[] = [
  [
    "ip-control-loop -nonsense",
    /^ip-control-loop: Unknown flag -nonsense: expected -log-level\nUse ip-control-loop -help/,
  ],
  ["ip-control-loop -timeout 30", /Unknown flag -timeout/],
  ["ip-control-loop now", /Unexpected argument "now"/],
  ["ip-control-loop --", /Unexpected argument "--"/],
  ["ip-control-loop -log-level", /Flag -log-level has no value/],
  ["ip-reconciler -toString", /Unknown flag -toString/],
  ["node-slice-controller -master https://a", /Cannot use -master: set `server` in the file of -kubeconfig/],
  ["install-cni.sh -log-level=debug", /Unknown flag -log-level: expected no flags/],
];

for (const [given, why] of REFUSED) {
  Deno.test(`the original's ${given} is refused with a reason`, async () => {
    const [name = "", ...args] = given.split(" ");
    const { code, out, err } = await call({ called: `/${name}` }, ...args);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, why);
  });
}

Deno.test("the help of a program of the original lists its flags and what each becomes", async () => {
  for (const name of OLD_NAMES) {
    for (const flag of ["-h", "--help"]) {
      const { code, out } = await call({ called: `/${name}` }, flag);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^Usage: ${name}[^]*Runs whereabouts (controller|install)`));
    }
  }
  const { out } = await call({ called: "node-slice-controller" }, "-help");
  assert.match(out, /-kubeconfig +As --kubeconfig\n/);
  assert.match(out, /-v +Ignored; instead: --log-level of whereabouts controller\n/);
  assert.match(out, /-master +Refused: set/);
});

Deno.test("a program of the original runs as our command, which logs what is ignored", async () => {
  const { code, err } = await call({ called: "/ip-reconciler" }, "-kubeconfig=/nowhere", "-timeout=30");
  assert.equal(code, 1);
  assert.match(err, /level=info msg="Running a command for a program of the original" name=ip-reconciler command=/);
  assert.match(err, /level=warning msg="Ignored a flag" name=ip-reconciler flag=-timeout instead="the deadline/);
  assert.match(err, /whereabouts reconcile: .*"\/nowhere": file not found/);
});

Deno.test("only a program's own name selects it, with or without a path", () => {
  const names = [
    "/ip-control-loop",
    "ip-control-loop",
    "/usr/bin/install-cni.sh",
    "whereabouts",
    "/whereabouts",
    "toString",
    "",
  ];
  assert.deepEqual(names.map(oldNameOf), [
    "ip-control-loop",
    "ip-control-loop",
    "install-cni.sh",
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
