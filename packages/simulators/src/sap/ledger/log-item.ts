/**
 * Messages of the ledger in SAP's form. Numbers and texts of F5 102, 104, 507, FH 004, RW 605 and 609 are from captured answers;
 * the others are from general knowledge of the message classes and not checked against a system.
 */
export interface LogItem {
  /** `507(F5)` */
  readonly typeId: string;
  /** 1 information, 2 warning, 3 error. */
  readonly severity: 1 | 2 | 3;
  readonly note: string;
  /** The message's variables. */
  readonly values: readonly string[];
}

function error(typeId: string, note: string, ...values: string[]): LogItem {
  return { typeId, severity: 3, note, values };
}

export const says = {
  posted: (objectType: string, key: string, system: string): LogItem => ({
    typeId: "605(RW)",
    severity: 1,
    note: `Document posted successfully: ${objectType} ${key} ${system}`,
    values: [objectType, key, system],
  }),
  errorInDocument: (objectType: string, system: string) =>
    error("609(RW)", `Error in document: ${objectType} $ ${system}`, objectType, "$", system),
  fieldMissing: (field: string, where: string) =>
    error("602(RW)", `Required field ${field} was not transferred in parameter ${where}`, field, where),
  dayInvalid: (field: string, value: string) =>
    error("060(RW)", `${value} is no date in ${field}`, value, field),
  referenceTooLong: (reference: string) =>
    error("601(RW)", `Reference ${reference} is longer than 16 characters`, reference),
  companyUnknown: (company: string) => error("165(F5)", `Company code ${company} does not exist`, company),
  periodClosed: (period: string) => {
    const [year = "", month = ""] = period.split("-");
    return error("201(F5)", `Posting period ${month.padStart(3, "0")} ${year} is not open`, month, year);
  },
  accountUnknown: (account: string, chart: string): readonly LogItem[] => {
    const short = account.replace(/^0+/, "");
    return [
      error("507(F5)", `G/L account ${short} is not defined in chart of accounts ${chart}`, short, chart),
      error("004(FH)", `Account ${short} does not exist in chart of accounts ${chart}`, short, chart),
    ];
  },
  customerUnknown: (customer: string, company: string) => {
    const short = customer.replace(/^0+/, "");
    return error("102(F5)", `Customer ${short} is not defined in company code ${company}`, short, company);
  },
  supplierUnknown: (supplier: string, company: string) => {
    const short = supplier.replace(/^0+/, "");
    return error("104(F5)", `Vendor ${short} is not defined in company code ${company}`, short, company);
  },
  amountInvalid: (item: number) =>
    error("603(RW)", `Amount or currency of item ${item} is not valid`, String(item)),
  sideContradicts: (item: number) =>
    error(
      "604(RW)",
      `Sign and debit/credit code of item ${item} differ: negative posting is not allowed`,
      String(item),
    ),
  tooFewItems: () => error("606(RW)", "A document needs at least two items"),
  notBalanced: (currency: string, difference: string) =>
    error(
      "022(RW)",
      `Balance in transaction currency ${currency} is ${difference}, not zero`,
      currency,
      difference,
    ),
  referenceUsed: (reference: string, key: string) =>
    error("117(F5)", `Check whether document has already been entered under number ${key}`, key, reference),
  objectKeyUsed: (type: string, key: string, system: string) =>
    error("611(RW)", `Reference document ${type} ${key} ${system} was already posted`, type, key, system),
  reversedDocumentUnknown: (key: string) => error("361(F5)", `Document ${key} does not exist`, key),
  reversedAlready: (key: string) => error("361(F5A)", `Document ${key} has already been reversed`, key),
  reversalReasonMissing: () => error("674(F5)", "Enter a reason for reversal"),
  noAuthorization: (company: string) =>
    error("083(F5)", `You have no authorization to post in company code ${company}`, company),
  lockedByOther: (account: string) =>
    error("042(MC)", `Account ${account.replace(/^0+/, "")} is locked by another user`, account),
  blockedForPosting: (account: string) =>
    error("351(F5)", `Account ${account.replace(/^0+/, "")} is blocked for posting`, account),
};
