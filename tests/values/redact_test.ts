import assert from "node:assert/strict";
import { withoutLogin, withoutSecrets } from "../../src/values/redact.ts";

Deno.test("withoutSecrets hides each secret wherever it stands, in base64 too, and no short word", () => {
  const text = `Bearer s3cret-token; Basic ${btoa("user:päss")}; s3cret-token a b`;
  assert.equal(
    withoutSecrets(`Bearer s3cret-token; Basic ${btoa("user:pass")}; s3cret-token`, ["s3cret-token", "user:pass"]),
    "Bearer [secret]; Basic [secret]; [secret]",
  );
  assert.equal(withoutSecrets(text, [undefined, "", "a"]), text);
});

Deno.test("withoutLogin hides the login of a URL, and of what is none", () => {
  const cases = [
    ["https://user:pass@host:1/path", "https://…@host:1/path"],
    ["ftp://user:p/a@s@host", "ftp://…@host"],
    ["user:pass@host", "…@host"],
    ["http://user:pass@", "http://…@"],
    ["http://user:pa\nss@host:99999999", "http://…@host:99999999"],
    ["10.0.0.1:2379", "10.0.0.1:2379"],
  ];
  for (const [url = "", expected] of cases) assert.equal(withoutLogin(url), expected);
});
