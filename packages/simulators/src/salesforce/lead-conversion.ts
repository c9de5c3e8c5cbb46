import { refuse } from "./api-error.ts";
import { convertedStatuses } from "./case-and-lead.ts";
import type { ObjectSchema } from "./schema.ts";
import type { Row } from "./store.ts";
import { createRecord, existing, type Writing } from "./writing.ts";

export interface LeadConvert {
  readonly leadId: string;
  readonly convertedStatus: string;
}

export interface Converted {
  readonly accountId: string;
  readonly contactId: string;
  readonly leadId: string;
}

/**
 * Makes an account and a contact of a lead. The org maps Account_Key__c of the lead to that of the account.
 * Errors: ApiError, with part of it written: the caller takes it back.
 */
export function convertLead(writing: Writing, { leadId, convertedStatus }: LeadConvert): Converted {
  const lead = leadOf(writing, leadId);
  const { frozen } = lead.object;
  if (frozen?.when(lead.values) === true) throw refuse(frozen.errorCode, frozen.message);
  if (!convertedStatuses.includes(convertedStatus)) {
    throw refuse("INVALID_STATUS", `invalid convertedStatus: ${convertedStatus}`, ["convertedStatus"]);
  }
  const { Company, LastName, FirstName = null, Email = null } = lead.values;
  const { Phone = null, Account_Key__c = null } = lead.values;
  const accountId = createRecord(writing, objectOf(writing, "Account"), {
    Name: Company,
    Phone,
    Account_Key__c,
  });
  const contactId = createRecord(writing, objectOf(writing, "Contact"), {
    FirstName,
    LastName,
    Email,
    Phone,
    AccountId: accountId,
  });
  const { now, userId, transaction } = writing;
  const values = {
    ...lead.values,
    Status: convertedStatus,
    IsConverted: true,
    ConvertedDate: now.slice(0, 10),
    ConvertedAccountId: accountId,
    ConvertedContactId: contactId,
    LastModifiedDate: now,
    LastModifiedById: userId,
    SystemModstamp: now,
  };
  transaction.write("UPDATE", { ...lead, values });
  return { accountId, contactId, leadId: lead.id };
}

/** SOAP has another code than REST for an id that leads nowhere. */
function leadOf(writing: Writing, leadId: string): Row {
  const object = objectOf(writing, "Lead");
  if (!leadId.startsWith(object.keyPrefix)) {
    throw refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id");
  }
  return existing(writing.store, object, leadId);
}

function objectOf({ schema }: Writing, name: string): ObjectSchema {
  const found = schema.object(name);
  if (found === undefined) throw new Error(`the schema has no ${name}`);
  return found;
}
