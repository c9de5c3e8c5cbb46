/** SAP's company code that a tenant posts to, `1010`; null: it was not said, and nothing of this tenant is posted. Pure. */
export type CompanyCodeOf = (tenantId: string) => string | null;

export function companyCodesFrom(codes: Readonly<Record<string, string>>): CompanyCodeOf {
  return (tenantId) => (Object.hasOwn(codes, tenantId) ? (codes[tenantId] ?? null) : null);
}

/** The code in the error map under which an entry of a tenant without one is refused here: SAP is not asked. */
export const noCompanyCode = "no-company-code";

/** Where the demo tenant posts to. */
export const demoCompanyCodes: Readonly<Record<string, string>> = { demo: "1010" };
