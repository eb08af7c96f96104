/**
 * What accounts may do, as an API server evaluates their roles.
 *
 * @module
 */
import type { Kube } from "../support/kube.ts";

/**
 * The answers of the API server for an account, in the order of the questions.
 *
 * @param account `NAMESPACE:NAME`
 * @param questions `VERB RESOURCE.GROUP NAMESPACE [NAME]`
 */
export async function answers(kube: Kube, account: string, questions: readonly string[]): Promise<readonly boolean[]> {
  const items = questions.map((question) => {
    const [verb, named = "", namespace, name = ""] = question.split(" ");
    const [resource, ...group] = named.split(".");
    const resourceAttributes = { verb, resource, namespace, name, group: group.join(".") };
    const spec = { user: `system:serviceaccount:${account}`, resourceAttributes };
    return { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
  });
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  const answered = await kube.kubectl("create", "-f", file, "-o", 'jsonpath={.status.allowed}{"\\n"}');
  return answered.trim().split("\n").map((allowed) => allowed === "true");
}
