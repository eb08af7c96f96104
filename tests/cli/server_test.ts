import assert from "node:assert/strict";
import { UsageError } from "../../src/cli/define.ts";
import { parseServerFlags } from "../../src/cli/server.ts";

const FLAGS = { "log-level": "info", "log-format": "logfmt", "http-address": undefined };

Deno.test("parseServerFlags reads level, format and address", () => {
  assert.deepEqual(parseServerFlags(FLAGS), { log: { level: "info", format: "logfmt" } });
  assert.deepEqual(parseServerFlags({ "log-level": "WARN", "log-format": "json", "http-address": "[::1]:80" }), {
    log: { level: "warning", format: "json" },
    httpAddress: "[::1]:80",
  });
});

Deno.test("parseServerFlags reports an invalid value and the expected ones", () => {
  const cases: [Partial<Record<keyof typeof FLAGS, string>>, RegExp][] = [
    [{ "log-level": "loud" }, /log level "loud": expected one of error, warning, info, debug$/],
    [{ "log-format": "xml" }, /log format "xml": expected one of logfmt, json$/],
    [{ "http-address": "9478" }, /--http-address "9478": expected HOST:PORT$/],
  ];
  for (const [flags, message] of cases) {
    assert.throws(
      () => parseServerFlags({ ...FLAGS, ...flags }),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});
