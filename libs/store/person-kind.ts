/**
 * SQL for the kind of whoever a column names: that of their last token, otherwise of a login of theirs, otherwise what the hub made them as. Null if nobody
 * knows. A few keys are looked up for each row, no more than are needed.
 */
export function kindOf(id: string): string {
  return `coalesce(
    (SELECT s.kind FROM seen s WHERE s.user_id = ${id}),
    (SELECT f.kind FROM login_families f WHERE f.user_id = ${id} ORDER BY f.expires_at DESC LIMIT 1),
    CASE WHEN EXISTS (SELECT 1 FROM users k WHERE k.id = ${id}) THEN 'user'
         WHEN EXISTS (SELECT 1 FROM agents k WHERE k.id = ${id}) THEN 'agent'
         WHEN EXISTS (SELECT 1 FROM customers k WHERE k.id = ${id}) THEN 'customer' END)`;
}

/** What `kindOf` found, as a member of a record. */
export function kindMember(kind: string | null): { readonly kind?: string } {
  return kind === null ? {} : { kind };
}
