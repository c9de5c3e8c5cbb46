/** Fixed-width records of IDoc files: fields one after the other, filled up with blanks. */

export type Layout = readonly (readonly [field: string, width: number])[];
export type Fields = Readonly<Record<string, string>>;

/** 524 characters. */
export const controlRecord: Layout = [
  ["TABNAM", 10],
  ["MANDT", 3],
  ["DOCNUM", 16],
  ["DOCREL", 4],
  ["STATUS", 2],
  ["DIRECT", 1],
  ["OUTMOD", 1],
  ["EXPRSS", 1],
  ["TEST", 1],
  ["IDOCTYP", 30],
  ["CIMTYP", 30],
  ["MESTYP", 30],
  ["MESCOD", 3],
  ["MESFCT", 3],
  ["STD", 1],
  ["STDVRS", 6],
  ["STDMES", 6],
  ["SNDPOR", 10],
  ["SNDPRT", 2],
  ["SNDPFC", 2],
  ["SNDPRN", 10],
  ["SNDSAD", 21],
  ["SNDLAD", 70],
  ["RCVPOR", 10],
  ["RCVPRT", 2],
  ["RCVPFC", 2],
  ["RCVPRN", 10],
  ["RCVSAD", 21],
  ["RCVLAD", 70],
  ["CREDAT", 8],
  ["CRETIM", 6],
  ["REFINT", 14],
  ["REFGRP", 14],
  ["REFMES", 14],
  ["ARCKEY", 70],
  ["SERIAL", 20],
];

/** 63 characters and then up to 1,000 of data. */
export const dataRecord: Layout = [
  ["SEGNAM", 30],
  ["MANDT", 3],
  ["DOCNUM", 16],
  ["SEGNUM", 6],
  ["PSGNUM", 6],
  ["HLEVEL", 2],
  ["SDATA", 1000],
];

/** The table's name and what follows the parameters are from general knowledge, not from a captured file. */
export const statusRecord: Layout = [
  ["TABNAM", 10],
  ["MANDT", 3],
  ["DOCNUM", 16],
  ["LOGDAT", 8],
  ["LOGTIM", 6],
  ["STATUS", 2],
  ["STAMQU", 3],
  ["STAMID", 20],
  ["STAMNO", 3],
  ["STATYP", 1],
  ["STAPA1", 50],
  ["STAPA2", 50],
  ["STAPA3", 50],
  ["STAPA4", 50],
  ["STATXT", 70],
  ["UNAME", 12],
  ["REPID", 30],
  ["ROUTID", 30],
  ["SEGNUM", 6],
  ["SEGFLD", 30],
  ["REFINT", 14],
  ["REFGRP", 14],
  ["REFMES", 14],
  ["ARCKEY", 70],
];

/**
 * Leading fields of the ledger segments, as the interface structures BAPIACHE09, BAPIACGL09, BAPIACAR09, BAPIACAP09 and BAPIACCR09
 * begin. From general knowledge: compare with the segment documentation (WE60) of the system you will meet.
 */
export const segments: Readonly<Record<string, Layout>> = {
  E1BPACHE09: [
    ["OBJ_TYPE", 5],
    ["OBJ_KEY", 20],
    ["OBJ_SYS", 10],
    ["BUS_ACT", 4],
    ["USERNAME", 12],
    ["HEADER_TXT", 25],
    ["COMP_CODE", 4],
    ["DOC_DATE", 8],
    ["PSTNG_DATE", 8],
    ["TRANS_DATE", 8],
    ["FISC_YEAR", 4],
    ["FIS_PERIOD", 2],
    ["DOC_TYPE", 4],
    ["REF_DOC_NO", 16],
    ["AC_DOC_NO", 10],
    ["OBJ_KEY_R", 20],
    ["REASON_REV", 2],
  ],
  E1BPACGL09: [
    ["ITEMNO_ACC", 10],
    ["GL_ACCOUNT", 10],
    ["ITEM_TEXT", 50],
    ["STAT_CON", 1],
    ["LOG_PROC", 6],
    ["AC_DOC_NO", 10],
    ["REF_KEY_1", 12],
    ["REF_KEY_2", 12],
    ["REF_KEY_3", 20],
    ["ACCT_KEY", 3],
    ["ACCT_TYPE", 1],
    ["DOC_TYPE", 2],
    ["COMP_CODE", 4],
    ["BUS_AREA", 4],
    ["FUNC_AREA", 4],
    ["PLANT", 4],
    ["FIS_PERIOD", 2],
    ["FISC_YEAR", 4],
    ["PSTNG_DATE", 8],
    ["VALUE_DATE", 8],
    ["FM_AREA", 4],
    ["CUSTOMER", 10],
    ["CSHDIS_IND", 1],
    ["VENDOR_NO", 10],
    ["ALLOC_NMBR", 18],
    ["TAX_CODE", 2],
  ],
  E1BPACAR09: [
    ["ITEMNO_ACC", 10],
    ["CUSTOMER", 10],
    ["GL_ACCOUNT", 10],
    ["REF_KEY_1", 12],
    ["REF_KEY_2", 12],
    ["REF_KEY_3", 20],
    ["COMP_CODE", 4],
    ["BUS_AREA", 4],
    ["PMNTTRMS", 4],
    ["BLINE_DATE", 8],
    ["DSCT_DAYS1", 3],
    ["DSCT_DAYS2", 3],
    ["NETTERMS", 3],
    ["DSCT_PCT1", 7],
    ["DSCT_PCT2", 7],
    ["PYMT_METH", 1],
    ["PMTMTHSUPL", 2],
    ["PAYMT_REF", 30],
    ["DUNN_KEY", 1],
    ["DUNN_BLOCK", 1],
    ["PMNT_BLOCK", 1],
    ["VAT_REG_NO", 20],
    ["ALLOC_NMBR", 18],
    ["ITEM_TEXT", 50],
  ],
  E1BPACAP09: [
    ["ITEMNO_ACC", 10],
    ["VENDOR_NO", 10],
    ["GL_ACCOUNT", 10],
    ["REF_KEY_1", 12],
    ["REF_KEY_2", 12],
    ["REF_KEY_3", 20],
    ["COMP_CODE", 4],
    ["BUS_AREA", 4],
    ["PMNTTRMS", 4],
    ["BLINE_DATE", 8],
    ["DSCT_DAYS1", 3],
    ["DSCT_DAYS2", 3],
    ["NETTERMS", 3],
    ["DSCT_PCT1", 7],
    ["DSCT_PCT2", 7],
    ["PYMT_METH", 1],
    ["PMTMTHSUPL", 2],
    ["PMNT_BLOCK", 1],
    ["SCBANK_IND", 1],
    ["SUPCOUNTRY", 3],
    ["SUPCOUNTRY_ISO", 2],
    ["BLLSRV_IND", 1],
    ["ALLOC_NMBR", 18],
    ["ITEM_TEXT", 50],
  ],
  E1BPACCR09: [
    ["ITEMNO_ACC", 10],
    ["CURR_TYPE", 2],
    ["CURRENCY", 5],
    ["CURRENCY_ISO", 3],
    ["AMT_DOCCUR", 28],
  ],
};

export function widthOf(layout: Layout): number {
  return layout.reduce((sum, [, width]) => sum + width, 0);
}

/** Cuts a record into its fields, blanks at their ends removed; what the record is too short for is empty. */
export function readRecord(record: string, layout: Layout): Fields {
  const fields: Record<string, string> = {};
  let at = 0;
  for (const [field, width] of layout) {
    fields[field] = record.slice(at, at + width).trimEnd();
    at += width;
  }
  return fields;
}

/** A field that does not fit is a defect of the caller's: `RangeError`. */
export function writeRecord(fields: Fields, layout: Layout): string {
  return layout
    .map(([field, width]) => {
      const value = fields[field] ?? "";
      if (value.length > width)
        throw new RangeError(`${field} takes ${width} characters, not ${value.length}`);
      return value.padEnd(width);
    })
    .join("");
}
