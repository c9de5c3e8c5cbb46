import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { convertLeadMessage, readConversion } from "./convert-lead-message.ts";

const envelope = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
const result = (content: string): string =>
  envelope(`<convertLeadResponse><result>${content}</result></convertLeadResponse>`);

describe("the answer to a conversion", () => {
  test("is the account when it was done, and the first code when it was refused or is a fault", () => {
    assert.deepEqual(readConversion(result("<accountId>001A</accountId><success>true</success>")), {
      accountId: "001A",
    });
    const refusals =
      "<errors><message>no</message><statusCode>DUPLICATE_VALUE</statusCode></errors><errors><statusCode>OTHER</statusCode></errors>";
    assert.deepEqual(readConversion(result(`${refusals}<success>false</success>`)), {
      errorCode: "DUPLICATE_VALUE",
    });
    const fault =
      "<soapenv:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>over</faultstring></soapenv:Fault>";
    assert.deepEqual(readConversion(envelope(fault)), { errorCode: "INVALID_SESSION_ID" });
  });

  test("is nobody's result when it cannot be read: it may have happened", () => {
    const strange = [
      "",
      "Bad Gateway",
      '{"success":true}',
      result("<accountId>001A</accountId>"),
      result("<accountId>001A</accountId><success>many</success>"),
      result("<success>true</success>"),
      result("<success>false</success>"),
      envelope("<otherResponse/>"),
      result("<accountId>001A</accountId><success>true</success>").slice(0, 250),
      `<!DOCTYPE a [<!ENTITY b "c">]>${result("<accountId>001A</accountId><success>true</success>")}`,
    ];
    for (const text of strange) assert.throws(() => readConversion(text), text);
  });
});

test("what stands in a conversion cannot end its element", () => {
  const message = convertLeadMessage("token<&>", `00Q"'`);
  assert.match(message, /<sessionId>token&#60;&#38;&#62;<\/sessionId>/);
  assert.match(message, /<leadId>00Q&#34;&#39;<\/leadId>/);
});
