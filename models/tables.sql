-- What the migrations do to an empty database. Written by `make tables`; not to be edited.

CREATE TABLE IF NOT EXISTS "tortoise_migrations" (
    "id" SERIAL NOT NULL PRIMARY KEY,
    "app" VARCHAR(255) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "applied_at" TIMESTAMPTZ NOT NULL,
    CONSTRAINT "uid_tortoise_mi_app_3803a5" UNIQUE ("app", "name")
);

CREATE TABLE "counter" (
    "key" VARCHAR(400) NOT NULL  PRIMARY KEY,
    "count" INT NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL,
    "ends_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "counter" IS 'How often something happened in the window that began at `started_at`.';

CREATE TABLE "household" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "ref" VARCHAR(64),
    "name" VARCHAR(100) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "dissolved_at" TIMESTAMPTZ,
    CONSTRAINT "uid_household_operato_4e53c6" UNIQUE ("operator", "ref")
);
COMMENT ON TABLE "household" IS 'A family that shares numbers and accounts; exactly one active OWNER while it lives (I1).';

CREATE TABLE "ledger_transfer" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "key" VARCHAR(160) NOT NULL UNIQUE,
    "at" TIMESTAMPTZ NOT NULL
);
COMMENT ON COLUMN "ledger_transfer"."kind" IS 'OPENING: OPENING\nTOP_UP: TOP_UP\nFEE: FEE';
COMMENT ON TABLE "ledger_transfer" IS 'A movement of money; `key` is unique for ever, so one cause has one effect.';

CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(32) NOT NULL,
    "body" JSONB NOT NULL,
    "dedup" VARCHAR(128)  UNIQUE,
    "created_at" TIMESTAMPTZ NOT NULL,
    "run_at" TIMESTAMPTZ NOT NULL,
    "locked_until" TIMESTAMPTZ,
    "attempts" INT NOT NULL,
    "gateway_id" VARCHAR(128),
    "delivery" VARCHAR(12) NOT NULL,
    "expires_at" TIMESTAMPTZ,
    "done_at" TIMESTAMPTZ,
    "last_error" TEXT
);
COMMENT ON COLUMN "outbox"."delivery" IS 'QUEUED: QUEUED\nSENT: SENT\nDELIVERED: DELIVERED\nFAILED: FAILED\nUNKNOWN: UNKNOWN';
COMMENT ON TABLE "outbox" IS 'One effect on the world outside. `dedup` makes a repeated enqueue harmless.';

CREATE TABLE "person" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "ref" VARCHAR(64) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "birth_date" DATE,
    CONSTRAINT "uid_person_operato_e3a11c" UNIQUE ("operator", "ref")
);
COMMENT ON TABLE "person" IS 'A human being known to an operator, with or without a cabinet.';

CREATE TABLE "contract" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "number" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "epoch" INT NOT NULL,
    "signed_on" DATE,
    "terminated_on" DATE,
    "holder_id" BIGINT NOT NULL REFERENCES "person" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_contract_operato_0c6085" UNIQUE ("operator", "number")
);
COMMENT ON COLUMN "contract"."kind" IS 'CONSUMER: CONSUMER\nBUSINESS: BUSINESS';
COMMENT ON COLUMN "contract"."status" IS 'ACTIVE: ACTIVE\nTERMINATING: TERMINATING\nTERMINATED: TERMINATED';
COMMENT ON TABLE "contract" IS 'An agreement with its holder; `epoch` grows when the number passes to another contract (I7, E24, E26).';

CREATE TABLE "personal_account" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "number" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(24) NOT NULL,
    "status" VARCHAR(24) NOT NULL,
    "cash_payments_banned" BOOL NOT NULL,
    "contract_id" BIGINT NOT NULL REFERENCES "contract" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_personal_ac_operato_2feec0" UNIQUE ("operator", "number")
);
COMMENT ON COLUMN "personal_account"."kind" IS 'MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE';
COMMENT ON COLUMN "personal_account"."status" IS 'ACTIVE: ACTIVE\nBLOCKED_BY_USER: BLOCKED_BY_USER\nSUSPENDED_NONPAYMENT: SUSPENDED_NONPAYMENT\nSUSPENDED_FRAUD: SUSPENDED_FRAUD\nPORTING_OUT: PORTING_OUT\nPORTED_OUT: PORTED_OUT\nTERMINATED: TERMINATED';
COMMENT ON TABLE "personal_account" IS 'A personal account (лицевой счёт): what is paid for one or more lines (F046, TMF666 BillingAccount).';

CREATE TABLE "balance_snapshot" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "currency" VARCHAR(3) NOT NULL,
    "available" BIGINT NOT NULL,
    "credit" BIGINT,
    "reserved" BIGINT NOT NULL,
    "next_charge" BIGINT,
    "next_charge_at" TIMESTAMPTZ,
    "as_of" TIMESTAMPTZ NOT NULL,
    "account_id" BIGINT NOT NULL UNIQUE REFERENCES "personal_account" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "balance_snapshot"."currency" IS 'RUB: RUB\nBYN: BYN';
COMMENT ON TABLE "balance_snapshot" IS 'The last balance that billing told for an account, so that a page renders when billing does not (N9).';

CREATE TABLE "ledger_account" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "balance" BIGINT NOT NULL,
    "reserved" BIGINT NOT NULL,
    "credit_limit" BIGINT NOT NULL,
    "floor" BIGINT,
    "account_id" BIGINT  UNIQUE REFERENCES "personal_account" ("id") ON DELETE RESTRICT
);
COMMENT ON COLUMN "ledger_account"."kind" IS 'PERSONAL: PERSONAL\nOPENING: OPENING\nCLEARING: CLEARING\nREVENUE: REVENUE';
COMMENT ON COLUMN "ledger_account"."currency" IS 'RUB: RUB\nBYN: BYN';
COMMENT ON TABLE "ledger_account" IS 'An account of the ledger; `balance` is the sum of its entries.';

CREATE TABLE "ledger_entry" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "amount" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "ledger_account" ("id") ON DELETE RESTRICT,
    "transfer_id" BIGINT NOT NULL REFERENCES "ledger_transfer" ("id") ON DELETE RESTRICT
);
COMMENT ON TABLE "ledger_entry" IS 'One side of a transfer, in minor units: positive adds to the account.';

CREATE TABLE "registration" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "msisdn" VARCHAR(15),
    "password_hash" VARCHAR(200) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "confirmed_at" TIMESTAMPTZ
);
COMMENT ON TABLE "registration" IS 'A cabinet that somebody asked for by e-mail; it comes into being when the link is opened in time (E62).';

CREATE TABLE "service" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "code" VARCHAR(64) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "kind" VARCHAR(24) NOT NULL,
    "category" VARCHAR(24) NOT NULL,
    "description" TEXT NOT NULL,
    "fee" BIGINT NOT NULL,
    "fee_period" VARCHAR(8) NOT NULL,
    "connection_fee" BIGINT NOT NULL,
    "terms" TEXT NOT NULL,
    "trial_days" INT,
    "age_rating" INT,
    "archived" BOOL NOT NULL,
    CONSTRAINT "uid_service_operato_0ff519" UNIQUE ("operator", "code")
);
COMMENT ON COLUMN "service"."kind" IS 'MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE';
COMMENT ON COLUMN "service"."category" IS 'SMS_MMS_PACKAGE: SMS_MMS_PACKAGE\nDATA_PACKAGE: DATA_PACKAGE\nMINUTE_PACKAGE: MINUTE_PACKAGE\nUNLIMITED: UNLIMITED\nENTERTAINMENT: ENTERTAINMENT\nROAMING: ROAMING\nCALL_MANAGEMENT: CALL_MANAGEMENT\nINTERNET_EXTENSION: INTERNET_EXTENSION\nTRUST_PAYMENT: TRUST_PAYMENT\nSECURITY: SECURITY\nRINGBACK: RINGBACK\nTV: TV\nOTHER: OTHER';
COMMENT ON COLUMN "service"."fee_period" IS 'DAY: DAY\nMONTH: MONTH\nONCE: ONCE\nPER_USE: PER_USE';
COMMENT ON TABLE "service" IS 'A service that can be switched on for a line (F111).';

CREATE TABLE "tariff" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "code" VARCHAR(64) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "kind" VARCHAR(24) NOT NULL,
    "fee" BIGINT NOT NULL,
    "fee_period" VARCHAR(8) NOT NULL,
    "connection_fee" BIGINT NOT NULL,
    "included" JSONB NOT NULL,
    "terms" TEXT NOT NULL,
    "family_shareable" BOOL NOT NULL,
    "archived" BOOL NOT NULL,
    CONSTRAINT "uid_tariff_operato_84511e" UNIQUE ("operator", "code")
);
COMMENT ON COLUMN "tariff"."kind" IS 'MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE';
COMMENT ON COLUMN "tariff"."fee_period" IS 'DAY: DAY\nMONTH: MONTH\nONCE: ONCE\nPER_USE: PER_USE';
COMMENT ON TABLE "tariff" IS 'A tariff plan; `included` is a list of {unit, amount, unlimited, scope} (F102).';

CREATE TABLE "app_user" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "display_name" VARCHAR(200) NOT NULL,
    "language" VARCHAR(2) NOT NULL,
    "password_hash" VARCHAR(200),
    "must_change_password" BOOL NOT NULL,
    "temporary_hmac" BYTEA,
    "temporary_expires_at" TIMESTAMPTZ,
    "password_burnt" BOOL NOT NULL,
    "recovery_channels" TEXT[] NOT NULL,
    "network_auto_login" VARCHAR(8),
    "last_signed_in_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "person_id" BIGINT NOT NULL UNIQUE REFERENCES "person" ("id") ON DELETE RESTRICT
);
COMMENT ON COLUMN "app_user"."language" IS 'RU: ru\nBE: be\nTT: tt\nEN: en';
COMMENT ON COLUMN "app_user"."network_auto_login" IS 'FULL: FULL\nPARTIAL: PARTIAL';
COMMENT ON TABLE "app_user" IS 'A cabinet identity: who signs in.';

CREATE TABLE "audit_event" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "action" VARCHAR(48) NOT NULL,
    "details" JSONB NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_audit_event_user_id_741c99" ON "audit_event" ("user_id", "id");
COMMENT ON TABLE "audit_event" IS 'One event of a user''s cabinet: `details` never holds a code, a password or a token.';

CREATE TABLE "challenge" (
    "id" UUID NOT NULL  PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "purpose" VARCHAR(24) NOT NULL,
    "channel" VARCHAR(16) NOT NULL,
    "target" VARCHAR(254) NOT NULL,
    "initiator" VARCHAR(64) NOT NULL,
    "sent" BOOL NOT NULL,
    "code_hmac" BYTEA NOT NULL,
    "attempts" INT NOT NULL,
    "max_attempts" INT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "consumed_at" TIMESTAMPTZ,
    "user_id" BIGINT REFERENCES "app_user" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_challenge_operato_3831c5" ON "challenge" ("operator", "target", "created_at");
COMMENT ON COLUMN "challenge"."purpose" IS 'SIGN_IN: SIGN_IN\nREGISTER: REGISTER\nRECOVER: RECOVER\nSTEP_UP: STEP_UP\nCHANGE_CONTACT: CHANGE_CONTACT';
COMMENT ON TABLE "challenge" IS 'A code for `target`, asked for by `initiator`.';

CREATE TABLE "contact" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(8) NOT NULL,
    "value" VARCHAR(254) NOT NULL,
    "verified_at" TIMESTAMPTZ,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_contact_user_id_3067af" UNIQUE ("user_id", "kind", "value")
);
COMMENT ON COLUMN "contact"."kind" IS 'EMAIL: EMAIL\nPHONE: PHONE';
COMMENT ON TABLE "contact" IS 'An e-mail address or a telephone number of a user, for recovery once it is verified (F031, K005).';

CREATE TABLE "line" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(24) NOT NULL,
    "msisdn" VARCHAR(15),
    "service_point" VARCHAR(64),
    "label" VARCHAR(64),
    "status" VARCHAR(24) NOT NULL,
    "puk1_hash" VARCHAR(200),
    "sim_epoch" INT NOT NULL,
    "activated_at" TIMESTAMPTZ,
    "account_id" BIGINT NOT NULL REFERENCES "personal_account" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL,
    CONSTRAINT "uid_line_operato_49755f" UNIQUE ("operator", "msisdn"),
    CONSTRAINT "uid_line_operato_02358a" UNIQUE ("operator", "service_point")
);
COMMENT ON COLUMN "line"."kind" IS 'MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE';
COMMENT ON COLUMN "line"."status" IS 'ACTIVE: ACTIVE\nBLOCKED_BY_USER: BLOCKED_BY_USER\nSUSPENDED_NONPAYMENT: SUSPENDED_NONPAYMENT\nSUSPENDED_FRAUD: SUSPENDED_FRAUD\nPORTING_OUT: PORTING_OUT\nPORTED_OUT: PORTED_OUT\nTERMINATED: TERMINATED';
COMMENT ON TABLE "line" IS 'One mobile number, or one service point of a fixed service; `user` is who holds the SIM.';

CREATE TABLE "login" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "value" VARCHAR(254) NOT NULL,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_login_operato_a6ba96" UNIQUE ("operator", "kind", "value")
);
COMMENT ON COLUMN "login"."kind" IS 'MSISDN: MSISDN\nEMAIL: EMAIL\nACCOUNT_NUMBER: ACCOUNT_NUMBER\nCONTRACT_NUMBER: CONTRACT_NUMBER\nNETWORK_LOGIN: NETWORK_LOGIN\nCUSTOM_LOGIN: CUSTOM_LOGIN';
COMMENT ON TABLE "login" IS 'One identifier a user may sign in with, unique within the operator.';

CREATE TABLE "membership" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "role" VARCHAR(16) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "birth_date" DATE,
    "joined_at" TIMESTAMPTZ NOT NULL,
    "household_id" BIGINT NOT NULL REFERENCES "household" ("id") ON DELETE CASCADE,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_membership_househo_68f56f" UNIQUE ("household_id", "user_id")
);
COMMENT ON COLUMN "membership"."role" IS 'OWNER: OWNER\nADULT: ADULT\nCHILD: CHILD\nVIEWER: VIEWER';
COMMENT ON COLUMN "membership"."status" IS 'ACTIVE: ACTIVE\nLEFT: LEFT\nREMOVED: REMOVED';
COMMENT ON TABLE "membership" IS 'A user''s place in a household.';

CREATE TABLE "number_link" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "kind" VARCHAR(16) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "scopes" TEXT[] NOT NULL,
    "label" VARCHAR(64),
    "sim_epoch" INT NOT NULL,
    "contract_epoch" INT NOT NULL,
    "primary_slot" BIGINT  UNIQUE,
    "requested_at" TIMESTAMPTZ NOT NULL,
    "confirmed_at" TIMESTAMPTZ,
    "reverify_by" TIMESTAMPTZ,
    "account_id" BIGINT REFERENCES "personal_account" ("id") ON DELETE CASCADE,
    "household_id" BIGINT NOT NULL REFERENCES "household" ("id") ON DELETE CASCADE,
    "line_id" BIGINT REFERENCES "line" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "number_link"."kind" IS 'PRIMARY: PRIMARY\nSECONDARY: SECONDARY';
COMMENT ON COLUMN "number_link"."status" IS 'PENDING: PENDING\nACTIVE: ACTIVE\nSUSPENDED: SUSPENDED\nREVOKED: REVOKED\nEXPIRED: EXPIRED\nTERMINATED: TERMINATED';
COMMENT ON TABLE "number_link" IS 'The grant: a household may use some scopes of a line or a personal account.';

CREATE TABLE "consent" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "method" VARCHAR(16) NOT NULL,
    "text" TEXT NOT NULL,
    "scopes" TEXT[] NOT NULL,
    "given_at" TIMESTAMPTZ NOT NULL,
    "link_id" BIGINT NOT NULL REFERENCES "number_link" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "consent"."method" IS 'SMS_CODE: SMS_CODE\nPASSWORD: PASSWORD\nTRUSTED_DEVICE: TRUSTED_DEVICE\nOFFICE: OFFICE\nCONTRACT_HOLDER: CONTRACT_HOLDER';
COMMENT ON TABLE "consent" IS 'What the number''s holder agreed to, word for word; rows are only ever added (I6).';

CREATE TABLE "package_counter" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "code" VARCHAR(64) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "unit" VARCHAR(8) NOT NULL,
    "source" VARCHAR(16) NOT NULL,
    "total" DECIMAL(24,3) NOT NULL,
    "remaining" DECIMAL(24,3) NOT NULL,
    "unlimited" BOOL NOT NULL,
    "resets_at" TIMESTAMPTZ,
    "as_of" TIMESTAMPTZ NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_package_cou_line_id_85363a" UNIQUE ("line_id", "code")
);
COMMENT ON COLUMN "package_counter"."unit" IS 'MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY';
COMMENT ON COLUMN "package_counter"."source" IS 'TARIFF: TARIFF\nSERVICE: SERVICE\nGIFT: GIFT\nBONUS: BONUS\nCARRY_OVER: CARRY_OVER\nPOOL: POOL';
COMMENT ON TABLE "package_counter" IS 'What is left of one package of a line; `total` and `remaining` are in the package''s unit.';

CREATE TABLE "refresh_token" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "family" UUID NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "device" VARCHAR(200),
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "refresh_token" IS 'A remembered device''s token (F023): used once, and followed by the next of its `family`.';

CREATE TABLE "service_subscription" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "since" TIMESTAMPTZ NOT NULL,
    "valid_until" TIMESTAMPTZ,
    "trial_ends_at" TIMESTAMPTZ,
    "next_charge_at" TIMESTAMPTZ,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    "service_id" BIGINT NOT NULL REFERENCES "service" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_service_sub_line_id_769dd5" UNIQUE ("line_id", "service_id")
);
COMMENT ON TABLE "service_subscription" IS 'A service connected to a line (F113).';

CREATE TABLE "session" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "access_level" VARCHAR(8) NOT NULL,
    "channel" VARCHAR(8) NOT NULL,
    "family" UUID,
    "stepped_up_at" TIMESTAMPTZ,
    "device" VARCHAR(200),
    "created_at" TIMESTAMPTZ NOT NULL,
    "last_seen_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "revoked_at" TIMESTAMPTZ,
    "line_id" BIGINT REFERENCES "line" ("id") ON DELETE CASCADE,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "session"."access_level" IS 'FULL: FULL\nPARTIAL: PARTIAL';
COMMENT ON COLUMN "session"."channel" IS 'SITE: SITE\nAPP: APP\nWIDGET: WIDGET\nUSSD: USSD\nSMS: SMS\nIVR: IVR\nSUPPORT: SUPPORT\nOFFICE: OFFICE';
COMMENT ON TABLE "session" IS 'One signed-in client. The token itself is never stored.';

CREATE TABLE "social_account" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "provider" VARCHAR(16) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "title" VARCHAR(200) NOT NULL,
    "linked_at" TIMESTAMPTZ NOT NULL,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_social_acco_operato_dc61c7" UNIQUE ("operator", "provider", "subject")
);
COMMENT ON COLUMN "social_account"."provider" IS 'VK: VK\nFACEBOOK: FACEBOOK\nOK: OK\nGOOGLE: GOOGLE';
COMMENT ON TABLE "social_account" IS 'A social network''s account that its user may sign in with (F021); `subject` is the network''s own id.';

CREATE TABLE "tariff_subscription" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "since" TIMESTAMPTZ NOT NULL,
    "next_charge_at" TIMESTAMPTZ,
    "tariff_id" BIGINT NOT NULL REFERENCES "tariff" ("id") ON DELETE RESTRICT,
    "line_id" BIGINT NOT NULL UNIQUE REFERENCES "line" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "tariff_subscription" IS 'The tariff of a line now (F101).';

CREATE TABLE "usage_day" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "day" DATE NOT NULL,
    "type" VARCHAR(24) NOT NULL,
    "unit" VARCHAR(8) NOT NULL,
    "volume" DECIMAL(24,3) NOT NULL,
    "sum" BIGINT NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_usage_day_line_id_333770" UNIQUE ("line_id", "day", "type", "unit")
);
COMMENT ON COLUMN "usage_day"."type" IS 'CALL: CALL\nSMS: SMS\nMMS: MMS\nINTERNET: INTERNET\nSUBSCRIPTION_FEE: SUBSCRIPTION_FEE\nSERVICE_FEE: SERVICE_FEE\nTOP_UP: TOP_UP\nGIFT: GIFT\nREFUND: REFUND\nOTHER: OTHER';
COMMENT ON COLUMN "usage_day"."unit" IS 'MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY';
COMMENT ON TABLE "usage_day" IS 'What a line used on one day of the operator''s calendar, by type and unit; `sum` is minor units of money.';

alter table app_user alter password_burnt set default false, alter recovery_channels set default '{}';
alter table session alter channel set default 'SITE';
alter table outbox alter delivery set default 'QUEUED';
alter table challenge alter sent set default true;

alter table ledger_account
  add constraint ledger_account_floor check (floor is null or balance >= floor),
  add constraint ledger_account_reserved check (reserved >= 0 and credit_limit >= 0),
  add constraint ledger_account_owner check ((kind = 'PERSONAL') = (account_id is not null));
alter table ledger_entry
  add constraint ledger_entry_moves_money check (amount <> 0);
alter table number_link
  add constraint number_link_one_target check (num_nonnulls(line_id, account_id) = 1),
  -- A primary link that counts always holds its line's slot, which one link only can hold (I3).
  add constraint number_link_primary_slot check (
    (kind = 'PRIMARY' and status in ('ACTIVE', 'SUSPENDED') and line_id is not null) = (primary_slot is not null)
    and (primary_slot is null or primary_slot = line_id)),
  add constraint number_link_secondary_scopes
    check (kind <> 'SECONDARY' or scopes <@ array['VIEW', 'USAGE', 'PAY']),
  -- What only the holder of the contract may do is never in a link (I15).
  add constraint number_link_delegable_scopes check (not scopes && array['DOCUMENTS', 'CLOSE', 'MEMBERS']);
alter table line
  add constraint line_has_address check (num_nonnulls(msisdn, service_point) >= 1);
alter table challenge
  add constraint challenge_attempts check (attempts between 0 and max_attempts);
alter table package_counter
  add constraint package_counter_amounts check (remaining >= 0 and remaining <= total);
alter table counter
  add constraint counter_positive check (count > 0);

create function ledger_zero_sum() returns trigger language plpgsql
  set enable_seqscan = off set enable_hashjoin = off as $$
begin
  if exists (
    select from ledger_entry e join ledger_account a on a.id = e.account_id
    where e.transfer_id = new.transfer_id group by a.currency having sum(e.amount) <> 0
  ) then
    raise exception 'ledger transfer % does not sum to zero', new.transfer_id using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger ledger_entry_zero_sum after insert on ledger_entry
  deferrable initially deferred for each row execute function ledger_zero_sum();

create function append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '23001';
end $$;
create trigger ledger_entry_append_only before update or delete on ledger_entry
  for each row execute function append_only();
create trigger ledger_transfer_append_only before update or delete on ledger_transfer
  for each row execute function append_only();
create trigger consent_append_only before update or delete on consent
  for each row execute function append_only();
create trigger audit_event_append_only before update or delete on audit_event
  for each row execute function append_only();

create unique index membership_one_owner on membership (household_id) where role = 'OWNER' and status = 'ACTIVE';
create unique index ledger_account_system on ledger_account (operator, kind, currency) where account_id is null;
create index membership_user on membership (user_id) where status = 'ACTIVE';
create index number_link_household on number_link (household_id) where status = 'ACTIVE';
create index number_link_line on number_link (line_id);
create index number_link_account on number_link (account_id);
create index consent_link on consent (link_id);
create index line_user on line (user_id);
create index line_account on line (account_id);
create index personal_account_contract on personal_account (contract_id);
create index contract_holder on contract (holder_id);
create index login_user on login (user_id);
create index session_by_user on session (user_id);
create index session_by_family on session (family) where family is not null;
create index refresh_token_family on refresh_token (family);
create index contact_user on contact (user_id);
create index social_account_user on social_account (user_id);
create index outbox_gateway_id on outbox (gateway_id) where gateway_id is not null;
create index challenge_target on challenge (operator, target, purpose, created_at desc);
create index ledger_entry_transfer on ledger_entry (transfer_id);
create index ledger_entry_account on ledger_entry (account_id, id);
create index outbox_due on outbox (run_at) where done_at is null;
create index outbox_recent on outbox (id desc);
create index service_subscription_line on service_subscription (line_id);
create index tariff_catalogue on tariff (operator, id) where not archived;
create index service_catalogue on service (operator, id) where not archived;

ALTER TABLE "challenge" ADD COLUMN "subject" BIGINT;

ALTER TABLE "challenge" ADD COLUMN "tag" VARCHAR(2) NOT NULL DEFAULT '';

ALTER TABLE "registration" ALTER COLUMN "email" DROP NOT NULL;

ALTER TABLE "registration" ALTER COLUMN "token_hash" DROP NOT NULL;

ALTER TABLE "session" ADD COLUMN "staff" VARCHAR(100);

ALTER TABLE "session" ADD COLUMN "staff_reason" VARCHAR(200);

ALTER TABLE "session" ADD COLUMN "staff_ticket" VARCHAR(64);

ALTER TABLE "app_user" ADD COLUMN "closed_at" TIMESTAMPTZ;

ALTER TABLE "ledger_account" DROP CONSTRAINT "ledger_account_account_id_key";

ALTER TABLE "ledger_account" ALTER COLUMN "balance" DROP NOT NULL;

COMMENT ON COLUMN "ledger_account"."kind" IS 'PERSONAL: PERSONAL\nBONUS: BONUS\nPROMISED: PROMISED\nOPENING: OPENING\nCLEARING: CLEARING\nREVENUE: REVENUE\nFEES: FEES\nLOYALTY: LOYALTY\nADJUSTMENT: ADJUSTMENT';

ALTER TABLE "ledger_account" ADD COLUMN "provider" VARCHAR(32) NOT NULL DEFAULT '';

COMMENT ON COLUMN "ledger_transfer"."kind" IS 'OPENING: OPENING\nTOP_UP: TOP_UP\nFEE: FEE\nBETWEEN: BETWEEN\nVOUCHER: VOUCHER\nBONUS: BONUS\nPROMISED: PROMISED\nREPAYMENT: REPAYMENT\nREFUND: REFUND\nADJUSTMENT: ADJUSTMENT';

drop index ledger_account_system;
alter table ledger_account
  drop constraint ledger_account_floor,
  drop constraint ledger_account_owner;
update ledger_account set balance = null, reserved = 0, credit_limit = 0, floor = null where account_id is null;
update ledger_account set provider = 'import' where kind = 'CLEARING' and provider = '';
update ledger_account set floor = least(-credit_limit, balance - reserved) where account_id is not null;
create unique index ledger_account_owned on ledger_account (account_id, kind) where account_id is not null;
create unique index ledger_account_system on ledger_account (operator, kind, currency, provider)
  where account_id is null;
alter table ledger_account
  -- What is reserved cannot be spent. Without a floor this is null, which a check lets pass.
  add constraint ledger_account_floor check (balance - reserved >= floor),
  add constraint ledger_account_owner
    check ((kind in ('PERSONAL', 'BONUS', 'PROMISED')) = (account_id is not null)),
  add constraint ledger_account_kept check ((balance is null) = (account_id is null)),
  add constraint ledger_account_provider check ((kind = 'CLEARING') = (provider <> '')),
  -- More than was promised is never repaid.
  add constraint ledger_account_promised check (kind <> 'PROMISED' or balance <= 0);

create function ledger_balance() returns trigger language plpgsql as $$
begin
  update ledger_account a set
    balance = a.balance + n.amount,
    floor = case when a.floor is not null
      then greatest(a.floor, least(-a.credit_limit, a.balance + n.amount - a.reserved)) end
  from (select account_id, sum(amount)::bigint as amount from added group by account_id) n
  where a.id = n.account_id and a.balance is not null;
  return null;
end $$;
create trigger ledger_entry_balance after insert on ledger_entry
  referencing new table as added for each statement execute function ledger_balance();

create function ledger_entries_only() returns trigger language plpgsql as $$
begin
  raise exception 'the balance of ledger account % changes with its entries only', new.id using errcode = '23001';
end $$;
create trigger ledger_account_balance_kept before update of balance on ledger_account for each row
  when (old.balance is distinct from new.balance and pg_trigger_depth() = 0)
  execute function ledger_entries_only();
create trigger ledger_account_opens_empty before insert on ledger_account for each row
  when (new.balance <> 0) execute function ledger_entries_only();

create function ledger_account_lasts() returns trigger language plpgsql as $$
begin
  raise exception 'what ledger account % counts is settled for ever', old.id using errcode = '23001';
end $$;
create trigger ledger_account_lasts before update of id, operator, kind, account_id, provider, currency
  on ledger_account for each row execute function ledger_account_lasts();

create trigger ledger_entry_never_emptied before truncate on ledger_entry
  for each statement execute function append_only();
create trigger ledger_transfer_never_emptied before truncate on ledger_transfer
  for each statement execute function append_only();

CREATE TABLE "payment_method" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "provider" VARCHAR(32) NOT NULL,
    "reference" VARCHAR(128) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "scheme" VARCHAR(12),
    "last_four" VARCHAR(4),
    "expires_year" SMALLINT,
    "expires_month" SMALLINT,
    "issuer_country" VARCHAR(2),
    "fingerprint" VARCHAR(128),
    "shared" BOOL NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "removed_at" TIMESTAMPTZ,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "payment_method"."kind" IS 'CARD: CARD\nAPPLE_PAY: APPLE_PAY\nGOOGLE_PAY: GOOGLE_PAY\nE_WALLET: E_WALLET\nBANK_APP: BANK_APP\nSBP: SBP\nMOBILE_BALANCE: MOBILE_BALANCE\nVOUCHER: VOUCHER\nBONUS: BONUS';
COMMENT ON COLUMN "payment_method"."scheme" IS 'MIR: MIR\nVISA: VISA\nMASTERCARD: MASTERCARD\nMAESTRO: MAESTRO\nBELKART: BELKART';
COMMENT ON TABLE "payment_method" IS 'A means of payment that a user keeps (F079): the provider''s name for it, and what is printed on it.';

CREATE TABLE "payment" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "key" VARCHAR(96) NOT NULL,
    "asked" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "status" VARCHAR(24) NOT NULL,
    "named" VARCHAR(64) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "amount" BIGINT NOT NULL,
    "fee" BIGINT NOT NULL,
    "refunded" BIGINT NOT NULL,
    "method_kind" VARCHAR(16) NOT NULL,
    "token" VARCHAR(512),
    "save_method" BOOL NOT NULL,
    "fingerprint" VARCHAR(128),
    "provider" VARCHAR(32) NOT NULL,
    "provider_key" UUID NOT NULL UNIQUE,
    "provider_id" VARCHAR(128),
    "confirmation" VARCHAR(16) NOT NULL,
    "challenge_id" UUID,
    "redirect_url" VARCHAR(2048),
    "return_url" VARCHAR(2048),
    "confirm_by" TIMESTAMPTZ,
    "receipt_email" VARCHAR(254),
    "failure" VARCHAR(48),
    "failure_detail" VARCHAR(48),
    "created_at" TIMESTAMPTZ NOT NULL,
    "completed_at" TIMESTAMPTZ,
    "check_at" TIMESTAMPTZ,
    "checks" INT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "personal_account" ("id") ON DELETE RESTRICT,
    "line_id" BIGINT REFERENCES "line" ("id") ON DELETE RESTRICT,
    "method_id" BIGINT REFERENCES "payment_method" ("id") ON DELETE RESTRICT,
    "payer_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_payment_payer_i_9ce46a" UNIQUE ("payer_id", "key")
);
CREATE INDEX "idx_payment_payer_i_49a4ec" ON "payment" ("payer_id", "id");
CREATE INDEX "idx_payment_account_2a99b1" ON "payment" ("account_id", "id");
CREATE INDEX "idx_payment_operato_a2ab8b" ON "payment" ("operator", "fingerprint", "created_at");
COMMENT ON COLUMN "payment"."kind" IS 'TOP_UP: TOP_UP\nAUTOPAY: AUTOPAY\nPROMISED: PROMISED\nFROM_BALANCE: FROM_BALANCE\nREFUND: REFUND\nBONUS: BONUS';
COMMENT ON COLUMN "payment"."status" IS 'AWAITING_CONFIRMATION: AWAITING_CONFIRMATION\nPROCESSING: PROCESSING\nCOMPLETED: COMPLETED\nDECLINED: DECLINED\nEXPIRED: EXPIRED\nCANCELLED: CANCELLED\nREFUNDED: REFUNDED';
COMMENT ON COLUMN "payment"."currency" IS 'RUB: RUB\nBYN: BYN';
COMMENT ON COLUMN "payment"."method_kind" IS 'CARD: CARD\nAPPLE_PAY: APPLE_PAY\nGOOGLE_PAY: GOOGLE_PAY\nE_WALLET: E_WALLET\nBANK_APP: BANK_APP\nSBP: SBP\nMOBILE_BALANCE: MOBILE_BALANCE\nVOUCHER: VOUCHER\nBONUS: BONUS';
COMMENT ON COLUMN "payment"."confirmation" IS 'NONE: NONE\nSMS_CODE: SMS_CODE\nBANK_REDIRECT: BANK_REDIRECT';
COMMENT ON TABLE "payment" IS 'One payment. `payer` and `key` are unique together for ever, so a repeated submit finds the first.';

CREATE TABLE "payment_notification" (
    "id" VARCHAR(160) NOT NULL  PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    "payment_id" BIGINT NOT NULL REFERENCES "payment" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "payment_notification" IS 'A notification of a provider''s that had its effect, written with the effect.';

COMMENT ON COLUMN "challenge"."purpose" IS 'SIGN_IN: SIGN_IN\nREGISTER: REGISTER\nRECOVER: RECOVER\nSTEP_UP: STEP_UP\nCHANGE_CONTACT: CHANGE_CONTACT\nPAYMENT: PAYMENT';

alter table payment
  add constraint payment_amount check (amount > 0 and fee >= 0 and refunded between 0 and amount + fee),
  -- Who waits for an answer is asked after; what has ended is not, and keeps no token.
  add constraint payment_looked_after check (
    (status in ('AWAITING_CONFIRMATION', 'PROCESSING')) = (check_at is not null)),
  add constraint payment_forgets check (check_at is not null or token is null),
  add constraint payment_completed check ((status in ('COMPLETED', 'REFUNDED')) = (completed_at is not null)),
  add constraint payment_confirmed check (status <> 'AWAITING_CONFIRMATION' or confirm_by is not null);
create index payment_due on payment (check_at) where check_at is not null;
-- One account of a user's at a provider, once.
create unique index payment_method_kept on payment_method (user_id, provider, reference) where removed_at is null;

ALTER TABLE "payment" ADD COLUMN "hold" BOOL NOT NULL DEFAULT FALSE;

update payment set hold = fingerprint is null and method_kind = 'CARD' where status in ('AWAITING_CONFIRMATION', 'PROCESSING');

ALTER TABLE "payment" ADD COLUMN "settled_at" TIMESTAMPTZ;

CREATE TABLE "autopay_rule" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "named" VARCHAR(64) NOT NULL,
    "trigger" VARCHAR(24) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "amount" BIGINT NOT NULL,
    "threshold" BIGINT,
    "monthly_cap" BIGINT,
    "day_of_month" SMALLINT,
    "active" BOOL NOT NULL,
    "armed" BOOL NOT NULL,
    "round" INT NOT NULL,
    "planned_at" TIMESTAMPTZ,
    "due_at" TIMESTAMPTZ,
    "failures" INT NOT NULL,
    "failure" VARCHAR(48),
    "failure_detail" VARCHAR(48),
    "last_run_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "removed_at" TIMESTAMPTZ,
    "account_id" BIGINT NOT NULL REFERENCES "personal_account" ("id") ON DELETE CASCADE,
    "line_id" BIGINT REFERENCES "line" ("id") ON DELETE CASCADE,
    "method_id" BIGINT NOT NULL REFERENCES "payment_method" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "autopay_rule"."trigger" IS 'BALANCE_BELOW: BALANCE_BELOW\nSCHEDULE: SCHEDULE\nBEFORE_SUBSCRIPTION_FEE: BEFORE_SUBSCRIPTION_FEE';
COMMENT ON COLUMN "autopay_rule"."currency" IS 'RUB: RUB\nBYN: BYN';
COMMENT ON COLUMN "autopay_rule"."failure_detail" IS 'INSUFFICIENT_FUNDS: INSUFFICIENT_FUNDS\nMETHOD_EXPIRED: METHOD_EXPIRED\nMETHOD_UNUSABLE: METHOD_UNUSABLE\nLIMIT_EXCEEDED: LIMIT_EXCEEDED\nCOUNTRY_FORBIDDEN: COUNTRY_FORBIDDEN\nFRAUD_SUSPECTED: FRAUD_SUSPECTED\nNOT_CONFIRMED: NOT_CONFIRMED\nCANCELLED: CANCELLED\nISSUER_UNAVAILABLE: ISSUER_UNAVAILABLE\nOTHER: OTHER';
COMMENT ON TABLE "autopay_rule" IS 'What a payer agreed to pay without being asked; one for each account and trigger.';

CREATE TABLE "autopay_run" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "occasion" VARCHAR(32) NOT NULL,
    "outcome" VARCHAR(8),
    "at" TIMESTAMPTZ NOT NULL,
    "rule_id" BIGINT NOT NULL REFERENCES "autopay_rule" ("id") ON DELETE CASCADE,
    "payment_id" BIGINT NOT NULL UNIQUE REFERENCES "payment" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_autopay_run_rule_id_d0f416" ON "autopay_run" ("rule_id", "at");
COMMENT ON COLUMN "autopay_run"."outcome" IS 'PAID: PAID\nFAILED: FAILED';
COMMENT ON TABLE "autopay_run" IS 'A payment that a rule began for an occasion; no `outcome` while it is on its way.';

alter table autopay_rule
  add constraint autopay_rule_amounts check (
    amount > 0 and threshold >= 0 and monthly_cap >= amount and failures >= 0 and round > 0),
  add constraint autopay_rule_terms check (
    (trigger = 'BALANCE_BELOW') = (threshold is not null)
    and (trigger = 'SCHEDULE') = (day_of_month is not null)
    and (trigger = 'SCHEDULE') = (planned_at is not null)
    and day_of_month between 1 and 31),
  -- Nobody looks at a rule that is off, and a removed one is off.
  add constraint autopay_rule_rests check (active or due_at is null),
  add constraint autopay_rule_removed check (removed_at is null or not active);
-- One for each account and trigger: a form that is sent twice is one rule, and the account is not paid into twice.
create unique index autopay_rule_kept on autopay_rule (user_id, account_id, trigger) where removed_at is null;
create index autopay_rule_due on autopay_rule (due_at) where due_at is not null;
create index autopay_rule_watching on autopay_rule (account_id) where active;

-- An occasion is paid for once, and a rule has one payment on its way.
create unique index autopay_run_once on autopay_run (rule_id, occasion) where outcome is distinct from 'FAILED';
create unique index autopay_run_one_open on autopay_run (rule_id) where outcome is null;

CREATE TABLE "balance_payment" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "account_id" BIGINT NOT NULL REFERENCES "personal_account" ("id") ON DELETE RESTRICT,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE RESTRICT,
    "payment_id" BIGINT NOT NULL UNIQUE REFERENCES "payment" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "balance_payment" IS 'Where the money of a FROM_BALANCE payment comes from.';

CREATE TABLE "promised_payment" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "key" VARCHAR(96) NOT NULL,
    "asked" VARCHAR(64) NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "amount" BIGINT NOT NULL,
    "fee" BIGINT NOT NULL,
    "taken_at" TIMESTAMPTZ NOT NULL,
    "due_at" TIMESTAMPTZ NOT NULL,
    "repayments" INT NOT NULL,
    "repaid_at" TIMESTAMPTZ,
    "look_at" TIMESTAMPTZ,
    "account_id" BIGINT NOT NULL REFERENCES "personal_account" ("id") ON DELETE RESTRICT,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE RESTRICT,
    "taker_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_promised_pa_taker_i_03a09f" UNIQUE ("taker_id", "key")
);
COMMENT ON COLUMN "promised_payment"."currency" IS 'RUB: RUB\nBYN: BYN';
COMMENT ON TABLE "promised_payment" IS 'One of them; an account has at most one that is not repaid.';

CREATE TABLE "refund" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "reason" VARCHAR(500) NOT NULL,
    "asked_amount" BIGINT,
    "amount" BIGINT NOT NULL,
    "fee" BIGINT NOT NULL,
    "key" UUID NOT NULL UNIQUE,
    "provider_id" VARCHAR(128),
    "created_at" TIMESTAMPTZ NOT NULL,
    "decided_at" TIMESTAMPTZ,
    "decided_by" VARCHAR(80),
    "answer" VARCHAR(500),
    "ended_at" TIMESTAMPTZ,
    "check_at" TIMESTAMPTZ,
    "checks" INT NOT NULL,
    "payment_id" BIGINT NOT NULL REFERENCES "payment" ("id") ON DELETE RESTRICT
);
CREATE INDEX "idx_refund_payment_b43fad" ON "refund" ("payment_id", "id");
COMMENT ON COLUMN "refund"."status" IS 'REQUESTED: REQUESTED\nPROCESSING: PROCESSING\nCOMPLETED: COMPLETED\nDECLINED: DECLINED\nFAILED: FAILED';
COMMENT ON TABLE "refund" IS 'One refund; a payment has at most one that is not at its end.';

CREATE TABLE "voucher" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "code_hmac" BYTEA NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "amount" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "redeemed_at" TIMESTAMPTZ,
    "payment_id" BIGINT  UNIQUE REFERENCES "payment" ("id") ON DELETE RESTRICT
);
COMMENT ON COLUMN "voucher"."currency" IS 'RUB: RUB\nBYN: BYN';
COMMENT ON TABLE "voucher" IS 'One voucher, in minor units of `currency`; `payment` is what it was redeemed by, once.';

alter table promised_payment
  add constraint promised_payment_amount check (amount > 0 and fee >= 0 and repayments >= 0),
  add constraint promised_payment_due check (due_at > taken_at),
  -- What is owed is collected; what is not, is not.
  add constraint promised_payment_collected check ((repaid_at is null) = (look_at is not null));
-- One at a time, however many ask at once.
create unique index promised_payment_owed on promised_payment (account_id) where repaid_at is null;
create index promised_payment_look on promised_payment (look_at) where look_at is not null;

create unique index voucher_code on voucher (operator, code_hmac);
alter table voucher
  add constraint voucher_amount check (amount > 0 and expires_at > created_at),
  add constraint voucher_redeemed check ((redeemed_at is null) = (payment_id is null));

alter table refund
  add constraint refund_amount check (asked_amount > 0 and amount >= 0 and fee >= 0),
  add constraint refund_decided check (
    (status = 'REQUESTED') = (decided_at is null) and (decided_at is null) = (decided_by is null)),
  add constraint refund_approved check (
    (status in ('PROCESSING', 'COMPLETED', 'FAILED')) = (amount > 0)),
  add constraint refund_looked_after check ((status = 'PROCESSING') = (check_at is not null)),
  add constraint refund_ended check ((status in ('COMPLETED', 'DECLINED', 'FAILED')) = (ended_at is not null));
create unique index refund_open on refund (payment_id) where status in ('REQUESTED', 'PROCESSING');
create index refund_due on refund (check_at) where check_at is not null;

ALTER TABLE "service_subscription" ADD COLUMN "charge_day" SMALLINT;

ALTER TABLE "service_subscription" ADD COLUMN "unpaid_since" TIMESTAMPTZ;

ALTER TABLE "tariff_subscription" ADD COLUMN "charge_day" SMALLINT;

ALTER TABLE "tariff_subscription" ADD COLUMN "unpaid_since" TIMESTAMPTZ;

alter table tariff_subscription add constraint tariff_subscription_charge_day check (charge_day between 1 and 31);
alter table service_subscription add constraint service_subscription_charge_day check (charge_day between 1 and 31);
create index tariff_subscription_due on tariff_subscription (next_charge_at, id) where next_charge_at is not null;
create index service_subscription_due on service_subscription (next_charge_at, id) where next_charge_at is not null;
create index tariff_subscription_unpaid on tariff_subscription (line_id) where unpaid_since is not null;
create index service_subscription_unpaid on service_subscription (line_id) where unpaid_since is not null;

CREATE TABLE "approval_request" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "scope" VARCHAR(16) NOT NULL,
    "action" VARCHAR(48) NOT NULL,
    "title" VARCHAR(200) NOT NULL,
    "subject" JSONB NOT NULL,
    "subject_key" VARCHAR(128) NOT NULL,
    "price" BIGINT,
    "status" VARCHAR(16) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "resolved_at" TIMESTAMPTZ,
    "comment" VARCHAR(500),
    "household_id" BIGINT NOT NULL REFERENCES "household" ("id") ON DELETE CASCADE,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    "requested_by_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    "resolved_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL
);
CREATE INDEX "idx_approval_re_househo_415a0b" ON "approval_request" ("household_id", "id");
CREATE INDEX "idx_approval_re_line_id_fbfed3" ON "approval_request" ("line_id", "id");
COMMENT ON COLUMN "approval_request"."scope" IS 'VIEW: VIEW\nUSAGE: USAGE\nDETAILS: DETAILS\nPAY: PAY\nAUTOPAY: AUTOPAY\nSERVICES: SERVICES\nTARIFF: TARIFF\nBLOCK: BLOCK\nLIMITS: LIMITS\nTRANSFER: TRANSFER\nDOCUMENTS: DOCUMENTS\nCLOSE: CLOSE\nMEMBERS: MEMBERS';
COMMENT ON COLUMN "approval_request"."status" IS 'PENDING: PENDING\nAPPROVED: APPROVED\nDECLINED: DECLINED\nEXPIRED: EXPIRED\nCANCELLED: CANCELLED';
COMMENT ON TABLE "approval_request" IS 'A question of a child''s to the owner. `subject` is what to do, as the feature that asks wrote it down, and';

CREATE TABLE "child_policy" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "blocked_categories" TEXT[] NOT NULL,
    "max_age_rating" SMALLINT,
    "quiet_hours" JSONB NOT NULL,
    "approval_needed_for" TEXT[] NOT NULL,
    "can_top_up_self" BOOL NOT NULL,
    "always_allowed_numbers" TEXT[] NOT NULL,
    "set_at" TIMESTAMPTZ NOT NULL,
    "set_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL,
    "line_id" BIGINT NOT NULL UNIQUE REFERENCES "line" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "child_policy" IS 'The policy of one line; it holds while the line''s user is a child.';

CREATE TABLE "guest_grant" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "scopes" TEXT[] NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "sim_epoch" INT NOT NULL,
    "contract_epoch" INT NOT NULL,
    "uses_left" INT,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "revoked_at" TIMESTAMPTZ,
    "created_by_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_guest_grant_line_id_7dbecc" ON "guest_grant" ("line_id", "id");
COMMENT ON TABLE "guest_grant" IS 'A grant whose bearer holds a token, of which only the hash is here; `uses_left` null: as often as they like.';

CREATE TABLE "invitation" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "birth_date" DATE,
    "target_hmac" BYTEA NOT NULL,
    "target_masked" VARCHAR(254) NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "resolved_at" TIMESTAMPTZ,
    "household_id" BIGINT NOT NULL REFERENCES "household" ("id") ON DELETE CASCADE,
    "invited_by_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
COMMENT ON COLUMN "invitation"."role" IS 'OWNER: OWNER\nADULT: ADULT\nCHILD: CHILD\nVIEWER: VIEWER';
COMMENT ON COLUMN "invitation"."status" IS 'PENDING: PENDING\nACCEPTED: ACCEPTED\nDECLINED: DECLINED\nCANCELLED: CANCELLED';
COMMENT ON TABLE "invitation" IS 'An invitation by a household to the holder of a number or an e-mail address.';

CREATE TABLE "link_request" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "initiator" VARCHAR(64) NOT NULL,
    "target" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "scopes" TEXT[] NOT NULL,
    "text" TEXT NOT NULL,
    "sim_epoch" INT,
    "contract_epoch" INT,
    "status" VARCHAR(16) NOT NULL,
    "challenge_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "resolved_at" TIMESTAMPTZ,
    "household_id" BIGINT REFERENCES "household" ("id") ON DELETE CASCADE,
    "line_id" BIGINT REFERENCES "line" ("id") ON DELETE CASCADE,
    "link_id" BIGINT REFERENCES "number_link" ("id") ON DELETE CASCADE,
    "requester_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_link_reques_request_d96d7f" ON "link_request" ("requester_id", "id");
CREATE INDEX "idx_link_reques_line_id_ff08d6" ON "link_request" ("line_id", "id");
COMMENT ON COLUMN "link_request"."kind" IS 'PRIMARY: PRIMARY\nSECONDARY: SECONDARY';
COMMENT ON COLUMN "link_request"."status" IS 'PENDING: PENDING\nACTIVE: ACTIVE\nSUSPENDED: SUSPENDED\nREVOKED: REVOKED\nEXPIRED: EXPIRED\nTERMINATED: TERMINATED';
COMMENT ON TABLE "link_request" IS 'A question to the holder of `target`; PENDING until it is answered or its code has expired.';

CREATE TABLE "ownership_transfer" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "requested_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "accepted_at" TIMESTAMPTZ,
    "effective_at" TIMESTAMPTZ,
    "cancelled_at" TIMESTAMPTZ,
    "done_at" TIMESTAMPTZ,
    "from_member_id" BIGINT NOT NULL REFERENCES "membership" ("id") ON DELETE CASCADE,
    "household_id" BIGINT NOT NULL REFERENCES "household" ("id") ON DELETE CASCADE,
    "to_member_id" BIGINT NOT NULL REFERENCES "membership" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "ownership_transfer" IS 'A transfer; open until it is `done_at` or `cancelled_at`, and one at a time is for a household (E29).';

CREATE TABLE "usage_limit" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "unit" VARCHAR(16) NOT NULL,
    "per" VARCHAR(16) NOT NULL,
    "amount" BIGINT NOT NULL,
    "on_reach" VARCHAR(16) NOT NULL,
    "set_at" TIMESTAMPTZ NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    "set_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL,
    CONSTRAINT "uid_usage_limit_line_id_bdb603" UNIQUE ("line_id", "unit", "per")
);
COMMENT ON COLUMN "usage_limit"."unit" IS 'MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY';
COMMENT ON COLUMN "usage_limit"."per" IS 'DAY: DAY\nWEEK: WEEK\nBILLING_PERIOD: BILLING_PERIOD\nCALENDAR_MONTH: CALENDAR_MONTH';
COMMENT ON COLUMN "usage_limit"."on_reach" IS 'NOTIFY: NOTIFY\nBLOCK_PAID: BLOCK_PAID\nBLOCK_ALL: BLOCK_ALL\nASK_OWNER: ASK_OWNER';
COMMENT ON TABLE "usage_limit" IS 'A limit of a line, in whole units (`domain/usage.py`: money in minor ones); one per unit and period.';

CREATE TABLE "limit_alert" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "period_start" DATE NOT NULL,
    "percent" SMALLINT NOT NULL,
    "told_at" TIMESTAMPTZ NOT NULL,
    "limit_id" BIGINT NOT NULL REFERENCES "usage_limit" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_limit_alert_limit_i_ec0a68" UNIQUE ("limit_id", "period_start", "percent")
);
COMMENT ON TABLE "limit_alert" IS 'That people were told of a share of a limit in a period: once, whoever finds out (E35).';

ALTER TABLE "audit_event" ADD COLUMN "actor_role" VARCHAR(16);

ALTER TABLE "audit_event" ADD COLUMN "household_id" BIGINT REFERENCES "household" ("id") ON DELETE RESTRICT;

ALTER TABLE "audit_event" ADD COLUMN "line_id" BIGINT REFERENCES "line" ("id") ON DELETE RESTRICT;

ALTER TABLE "audit_event" ADD COLUMN "subject_id" BIGINT REFERENCES "app_user" ("id") ON DELETE RESTRICT;

COMMENT ON COLUMN "challenge"."purpose" IS 'SIGN_IN: SIGN_IN\nREGISTER: REGISTER\nRECOVER: RECOVER\nSTEP_UP: STEP_UP\nCHANGE_CONTACT: CHANGE_CONTACT\nPAYMENT: PAYMENT\nLINK_NUMBER: LINK_NUMBER\nTRANSFER_OWNERSHIP: TRANSFER_OWNERSHIP';

ALTER TABLE "consent" ADD COLUMN "address" VARCHAR(64);

ALTER TABLE "consent" ADD COLUMN "challenge_id" UUID;

ALTER TABLE "consent" ADD COLUMN "given_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL;

ALTER TABLE "consent" ADD COLUMN "receipt_id" UUID NOT NULL UNIQUE DEFAULT gen_random_uuid();

ALTER TABLE "household" ADD COLUMN "adults_invite" BOOL NOT NULL DEFAULT FALSE;

ALTER TABLE "household" ADD COLUMN "dissolves_at" TIMESTAMPTZ;

ALTER TABLE "line" ADD COLUMN "block_reason" VARCHAR(16);

ALTER TABLE "line" ADD COLUMN "blocked_at" TIMESTAMPTZ;

ALTER TABLE "line" ADD COLUMN "blocked_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL;

ALTER TABLE "line" ADD COLUMN "link_requests_allowed" BOOL NOT NULL DEFAULT TRUE;

ALTER TABLE "line" ADD COLUMN "reissued_at" TIMESTAMPTZ;

ALTER TABLE "line" ADD COLUMN "sim_changed_at" TIMESTAMPTZ;

ALTER TABLE "membership" ADD COLUMN "ended_at" TIMESTAMPTZ;

ALTER TABLE "membership" ADD COLUMN "is_successor" BOOL NOT NULL DEFAULT FALSE;

ALTER TABLE "number_link" ADD COLUMN "account_slot" BIGINT  UNIQUE;

ALTER TABLE "number_link" ADD COLUMN "ended_at" TIMESTAMPTZ;

ALTER TABLE "number_link" ADD COLUMN "requester_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL;

ALTER TABLE "number_link" ADD COLUMN "suspended_reason" VARCHAR(24);

update number_link set account_slot = account_id where kind = 'PRIMARY' and status in ('ACTIVE', 'SUSPENDED') and account_id is not null;

alter table number_link
  -- An account that is linked by itself holds its slot as a line does.
  add constraint number_link_account_slot check (
    (kind = 'PRIMARY' and status in ('ACTIVE', 'SUSPENDED') and account_id is not null) = (account_slot is not null)
    and (account_slot is null or account_slot = account_id)),
  add constraint number_link_suspended_reason check (suspended_reason is null or status = 'SUSPENDED');
alter table link_request
  add constraint link_request_secondary_scopes check (kind <> 'SECONDARY' or scopes <@ array['VIEW', 'USAGE', 'PAY']),
  add constraint link_request_delegable_scopes check (not scopes && array['DOCUMENTS', 'CLOSE', 'MEMBERS']);
alter table usage_limit add constraint usage_limit_amount check (amount >= 0);
alter table limit_alert add constraint limit_alert_percent check (percent in (80, 100));
alter table child_policy add constraint child_policy_age_rating check (max_age_rating between 0 and 21);
alter table guest_grant
  add constraint guest_grant_scopes check (cardinality(scopes) > 0 and scopes <@ array['VIEW', 'PAY']),
  add constraint guest_grant_uses check (uses_left >= 0);
alter table invitation
  add constraint invitation_no_owner check (role <> 'OWNER'),
  add constraint invitation_birth_date check ((role = 'CHILD') = (birth_date is not null));
alter table ownership_transfer
  add constraint ownership_transfer_two_sides check (from_member_id <> to_member_id),
  add constraint ownership_transfer_one_end check (num_nonnulls(cancelled_at, done_at) <= 1);
alter table line add constraint line_block_reason check ((block_reason is null) = (blocked_at is null));

create unique index ownership_transfer_open on ownership_transfer (household_id)
  where done_at is null and cancelled_at is null;
create index ownership_transfer_due on ownership_transfer (effective_at) where done_at is null and cancelled_at is null;
create unique index membership_successor on membership (household_id) where is_successor and status = 'ACTIVE';
create unique index invitation_open on invitation (household_id, target_hmac) where status = 'PENDING';
create index invitation_target on invitation (operator, target_hmac) where status = 'PENDING';
create unique index invitation_token on invitation (token_hash);
create unique index guest_grant_token on guest_grant (token_hash);
create unique index approval_request_open on approval_request (line_id, subject_key) where status = 'PENDING';
create index approval_request_due on approval_request (expires_at) where status = 'PENDING';
create index link_request_open on link_request (target, operator) where status = 'PENDING';
create index link_request_challenge on link_request (challenge_id);
create index number_link_reverify on number_link (reverify_by) where status = 'ACTIVE';
create index audit_event_line on audit_event (line_id, id) where line_id is not null;
create index audit_event_subject on audit_event (subject_id, id) where subject_id is not null;
create index audit_event_household on audit_event (household_id, id) where household_id is not null;

ALTER TABLE "link_request" ADD COLUMN "account_id" BIGINT REFERENCES "personal_account" ("id") ON DELETE CASCADE;

ALTER TABLE "link_request" ADD COLUMN "is_account" BOOL NOT NULL DEFAULT FALSE;

ALTER TABLE "link_request" ADD COLUMN "moves" BOOL NOT NULL DEFAULT FALSE;

ALTER TABLE "link_request" ADD COLUMN "proven_at" TIMESTAMPTZ;

ALTER TABLE "link_request" ADD COLUMN "reported_at" TIMESTAMPTZ;

ALTER TABLE "number_link" ADD COLUMN "settles_at" TIMESTAMPTZ;

ALTER TABLE "household" ADD COLUMN "claim_confirmed_by" VARCHAR(100);

ALTER TABLE "household" ADD COLUMN "claimed_at" TIMESTAMPTZ;

ALTER TABLE "household" ADD COLUMN "owner_absence_told" BOOL NOT NULL DEFAULT FALSE;

ALTER TABLE "household" ADD COLUMN "owner_absent_since" TIMESTAMPTZ;

create function household_keeps_its_owner() returns trigger language plpgsql as $$
begin
  if exists (
    select from household h where h.id = old.household_id and h.dissolved_at is null and not exists (
      select from membership m where m.household_id = h.id and m.role = 'OWNER' and m.status = 'ACTIVE')
  ) then
    raise exception 'household % has no owner', old.household_id using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger membership_keeps_owner after update or delete on membership
  deferrable initially deferred for each row
  when (old.role = 'OWNER' and old.status = 'ACTIVE') execute function household_keeps_its_owner();

create index membership_minor on membership (birth_date) where role = 'CHILD' and status = 'ACTIVE';
create index household_claimed on household (claimed_at) where claimed_at is not null and dissolved_at is null;

CREATE TABLE "sim_check" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "known_since" TIMESTAMPTZ NOT NULL,
    "asked_at" TIMESTAMPTZ,
    "answered_at" TIMESTAMPTZ,
    "changed_at" TIMESTAMPTZ,
    "line_id" BIGINT NOT NULL UNIQUE REFERENCES "line" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "sim_check" IS 'One row for each line that the registry was asked about; a table of its own, since it is written all the time.';

ALTER TABLE "line" ADD COLUMN "blocked_until" TIMESTAMPTZ;

ALTER TABLE "number_link" ADD COLUMN "blocks_undone" SMALLINT NOT NULL DEFAULT 0;

ALTER TABLE "app_user" ADD COLUMN "frozen_at" TIMESTAMPTZ;

alter table line add constraint line_block_ends check (blocked_until is null or block_reason is not null);
alter table number_link add constraint number_link_blocks_undone check (blocks_undone >= 0);

create index line_block_due on line (blocked_until) where blocked_until is not null;
create index sim_check_asked on sim_check (asked_at);

CREATE TABLE "bundle" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "code" VARCHAR(64) NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "kinds" TEXT[] NOT NULL,
    "fee" BIGINT NOT NULL,
    "discount_percent" SMALLINT NOT NULL,
    "terms" TEXT NOT NULL,
    "archived" BOOL NOT NULL,
    CONSTRAINT "uid_bundle_operato_e6df01" UNIQUE ("operator", "code")
);
COMMENT ON TABLE "bundle" IS 'Services of several kinds together at a discount, sold on request (F110).';

CREATE TABLE "data_gift" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "bytes" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "given_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL,
    "source_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    "target_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_data_gift_source__217fd4" ON "data_gift" ("source_id", "at");
CREATE INDEX "idx_data_gift_target__5523aa" ON "data_gift" ("target_id", "at");
COMMENT ON TABLE "data_gift" IS '`bytes` given from one line to another; what is left of them lives in the receiver''s package until then.';

CREATE TABLE "internet_session" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "started_at" TIMESTAMPTZ NOT NULL,
    "ended_at" TIMESTAMPTZ,
    "ip" VARCHAR(45),
    "received" BIGINT NOT NULL,
    "sent" BIGINT NOT NULL,
    "cost" BIGINT NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_internet_se_line_id_288fc7" UNIQUE ("line_id", "started_at")
);
COMMENT ON TABLE "internet_session" IS 'One session of a line; `cost` in minor units, volumes in bytes. `ended_at` is null while it lasts.';

CREATE TABLE "line_change" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "key" VARCHAR(128) NOT NULL,
    "asked" VARCHAR(64) NOT NULL,
    "quote" UUID  UNIQUE,
    "result" BIGINT,
    "at" TIMESTAMPTZ NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_line_change_user_id_c6e980" UNIQUE ("user_id", "key")
);
COMMENT ON TABLE "line_change" IS 'A change that somebody named by `key`; the same key again finds it. `asked` is a digest of what it asked for.';

CREATE TABLE "pool_share" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "cap" BIGINT,
    "used" BIGINT NOT NULL,
    "counted_from" TIMESTAMPTZ,
    "household_id" BIGINT NOT NULL REFERENCES "household" ("id") ON DELETE CASCADE,
    "line_id" BIGINT NOT NULL UNIQUE REFERENCES "line" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_pool_share_househo_6a15ea" ON "pool_share" ("household_id");
COMMENT ON TABLE "pool_share" IS 'What a line may take of its household''s pool in a period, in bytes; `cap` null: as much as there is.';

CREATE TABLE "ringback_rule" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "for_numbers" TEXT[] NOT NULL DEFAULT '{}',
    "hours" JSONB,
    "set_at" TIMESTAMPTZ NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    "tone_id" BIGINT NOT NULL REFERENCES "service" ("id") ON DELETE RESTRICT
);
CREATE INDEX "idx_ringback_ru_line_id_0470c5" ON "ringback_rule" ("line_id", "id");
COMMENT ON TABLE "ringback_rule" IS 'Which tone whom and when: without `for_numbers` everybody, without `hours` always.';

CREATE TABLE "service_event" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "action" VARCHAR(16) NOT NULL,
    "charge" BIGINT NOT NULL,
    "actor_role" VARCHAR(16),
    "staff" VARCHAR(64),
    "at" TIMESTAMPTZ NOT NULL,
    "actor_id" BIGINT REFERENCES "app_user" ("id") ON DELETE RESTRICT,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE RESTRICT,
    "service_id" BIGINT NOT NULL REFERENCES "service" ("id") ON DELETE RESTRICT
);
CREATE INDEX "idx_service_eve_line_id_2e3b7d" ON "service_event" ("line_id", "id");
COMMENT ON COLUMN "service_event"."action" IS 'CONNECT: CONNECT\nDISCONNECT: DISCONNECT\nEXTEND: EXTEND\nSUSPEND: SUSPEND\nRESUME: RESUME\nTRIAL_START: TRIAL_START\nTRIAL_END: TRIAL_END';
COMMENT ON TABLE "service_event" IS 'What happened to a service of a line (F116); columns as of a tariff''s event. Rows are only ever added.';

CREATE TABLE "service_relation" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "kind" VARCHAR(16) NOT NULL,
    "other_id" BIGINT NOT NULL REFERENCES "service" ("id") ON DELETE CASCADE,
    "service_id" BIGINT NOT NULL REFERENCES "service" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_service_rel_service_60f9bf" UNIQUE ("service_id", "other_id", "kind")
);
COMMENT ON COLUMN "service_relation"."kind" IS 'INCOMPATIBLE: INCOMPATIBLE\nREQUIRES: REQUIRES';
COMMENT ON TABLE "service_relation" IS 'That a service does not go with another one, or needs it; one row for a pair, told from `service`''s side.';

CREATE TABLE "status_message" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "text" VARCHAR(200) NOT NULL,
    "set_at" TIMESTAMPTZ NOT NULL,
    "line_id" BIGINT NOT NULL UNIQUE REFERENCES "line" ("id") ON DELETE CASCADE
);
COMMENT ON TABLE "status_message" IS 'The text that callers read before the tone (F128).';

CREATE TABLE "tariff_event" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "action" VARCHAR(16) NOT NULL,
    "configuration" JSONB NOT NULL,
    "charge" BIGINT NOT NULL,
    "actor_role" VARCHAR(16),
    "staff" VARCHAR(64),
    "at" TIMESTAMPTZ NOT NULL,
    "actor_id" BIGINT REFERENCES "app_user" ("id") ON DELETE RESTRICT,
    "before_id" BIGINT REFERENCES "tariff" ("id") ON DELETE RESTRICT,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE RESTRICT,
    "tariff_id" BIGINT NOT NULL REFERENCES "tariff" ("id") ON DELETE RESTRICT
);
CREATE INDEX "idx_tariff_even_line_id_3cd16c" ON "tariff_event" ("line_id", "id");
COMMENT ON COLUMN "tariff_event"."action" IS 'CHANGE: CHANGE\nCONFIGURE: CONFIGURE\nREVERT: REVERT';
COMMENT ON TABLE "tariff_event" IS 'What happened to the tariff of a line (F107); `charge` in minor units. `actor` is null where the worker did it.';

CREATE TABLE "ticket" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "operator" VARCHAR(32) NOT NULL,
    "category" VARCHAR(16) NOT NULL,
    "subject" VARCHAR(24) NOT NULL,
    "details" JSONB NOT NULL,
    "comment" VARCHAR(1000),
    "status" VARCHAR(16) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "answer_due_at" TIMESTAMPTZ NOT NULL,
    "closed_at" TIMESTAMPTZ,
    "line_id" BIGINT REFERENCES "line" ("id") ON DELETE RESTRICT,
    "user_id" BIGINT NOT NULL REFERENCES "app_user" ("id") ON DELETE CASCADE
);
CREATE INDEX "idx_ticket_user_id_98f376" ON "ticket" ("user_id", "id");
CREATE INDEX "idx_ticket_line_id_8d762f" ON "ticket" ("line_id", "id");
COMMENT ON COLUMN "ticket"."category" IS 'TECHNICAL: TECHNICAL\nINFORMATION: INFORMATION\nCOMPLAINT: COMPLAINT\nSUGGESTION: SUGGESTION\nBILLING: BILLING';
COMMENT ON COLUMN "ticket"."subject" IS 'SPEED_INCREASE: SPEED_INCREASE\nBUNDLE: BUNDLE';
COMMENT ON COLUMN "ticket"."status" IS 'NEW: NEW\nIN_PROGRESS: IN_PROGRESS\nWAITING_CUSTOMER: WAITING_CUSTOMER\nRESOLVED: RESOLVED\nCLOSED: CLOSED';
COMMENT ON TABLE "ticket" IS 'A request; `details` is what the `subject` needs, such as {\"mbps\": 300} of a SPEED_INCREASE.';

ALTER TABLE "package_counter" ADD COLUMN "expires_at" TIMESTAMPTZ;

ALTER TABLE "service" ADD COLUMN "artist" VARCHAR(200);

ALTER TABLE "service" ADD COLUMN "content_provider" VARCHAR(200);

ALTER TABLE "service" ADD COLUMN "included" JSONB NOT NULL DEFAULT '[]';

ALTER TABLE "service" ADD COLUMN "localities" TEXT[] NOT NULL DEFAULT '{}';

ALTER TABLE "service" ADD COLUMN "preview_url" VARCHAR(500);

ALTER TABLE "service" ADD COLUMN "speed_mbps" INT;

ALTER TABLE "service" ADD COLUMN "valid_days" INT;

ALTER TABLE "service_subscription" ADD COLUMN "connected_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL;

ALTER TABLE "service_subscription" ADD COLUMN "ended_at" TIMESTAMPTZ;

ALTER TABLE "service_subscription" ADD COLUMN "paid_until" TIMESTAMPTZ;

ALTER TABLE "tariff" DROP CONSTRAINT "uid_tariff_operato_84511e";

ALTER TABLE "tariff" ADD COLUMN "localities" TEXT[] NOT NULL DEFAULT '{}';

ALTER TABLE "tariff" ADD COLUMN "options" JSONB NOT NULL DEFAULT '[]';

ALTER TABLE "tariff" ADD COLUMN "speed_mbps" INT;

ALTER TABLE "tariff" ADD COLUMN "version" INT NOT NULL DEFAULT 1;

ALTER TABLE "tariff" ADD CONSTRAINT "uid_tariff_operato_ca82d2" UNIQUE ("operator", "code", "version");

ALTER TABLE "tariff_subscription" ADD COLUMN "configuration" JSONB NOT NULL DEFAULT '[]';

ALTER TABLE "tariff_subscription" ADD COLUMN "options_fee" BIGINT NOT NULL DEFAULT 0;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_at" TIMESTAMPTZ;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_by_id" BIGINT REFERENCES "app_user" ("id") ON DELETE SET NULL;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_configuration" JSONB;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_options_fee" BIGINT;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_tariff_id" BIGINT REFERENCES "tariff" ("id") ON DELETE RESTRICT;

alter table tariff add constraint tariff_version_positive check (version > 0);
alter table service add constraint service_valid_days_positive check (valid_days > 0);
alter table service_relation add constraint service_relation_of_two check (service_id <> other_id);
alter table bundle add constraint bundle_discount check (discount_percent between 0 and 100 and fee >= 0);
alter table tariff_subscription add constraint tariff_subscription_options_fee check (options_fee >= 0);
alter table tariff_subscription add constraint tariff_subscription_pending check (
  (pending_tariff_id is null) = (pending_at is null)
  and (pending_tariff_id is null) = (pending_configuration is null)
  and (pending_tariff_id is null) = (pending_options_fee is null));
alter table service_subscription add constraint service_subscription_ended check (
  ended_at is null or next_charge_at is null);
alter table data_gift add constraint data_gift_given check (bytes > 0 and source_id <> target_id);
alter table pool_share add constraint pool_share_cap check (cap >= 0 and used >= 0);
alter table ringback_rule add constraint ringback_rule_numbers check (cardinality(for_numbers) <= 50);
alter table internet_session add constraint internet_session_ends check (ended_at >= started_at);
alter table package_counter add constraint package_counter_within check (unlimited or remaining between 0 and total);

create unique index tariff_sold on tariff (operator, code) where not archived;
create index tariff_subscription_pending_due on tariff_subscription (pending_at) where pending_at is not null;
create index service_relation_other on service_relation (other_id);
create index package_counter_expires on package_counter (expires_at) where expires_at is not null;

create trigger tariff_event_append_only before update or delete on tariff_event
  for each row execute function append_only();
create trigger service_event_append_only before update or delete on service_event
  for each row execute function append_only();

ALTER TABLE "line" ADD COLUMN "locality" VARCHAR(200);

create function folded(text) returns text language sql immutable strict parallel safe
  return translate(lower($1), 'ё', 'е');

alter table tariff add column searched text not null
  generated always as (folded(name || ' ' || code || ' ' || terms)) stored;
alter table service add column searched text not null
  generated always as (folded(
    name || ' ' || coalesce(artist, '') || ' ' || code || ' ' || coalesce(content_provider, '') || ' ' || description))
  stored;

create index service_listed on service (operator, id) where not archived and artist is null;
create index service_tone_listed on service (operator, id) where not archived and artist is not null;

ALTER TABLE "service_subscription" ADD COLUMN "trial_step_at" TIMESTAMPTZ;

update service_subscription set trial_step_at = greatest(trial_ends_at - interval '3 days', now())
where trial_ends_at > now() and ended_at is null;

alter table service_subscription add constraint service_subscription_trial_step check (
  trial_step_at is null or (trial_ends_at is not null and ended_at is null));
create index service_subscription_trial_step on service_subscription (trial_step_at) where trial_step_at is not null;
create index service_subscription_ends on service_subscription (valid_until)
  where valid_until is not null and ended_at is null;

CREATE TABLE "tariff_rest" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "paid_until" TIMESTAMPTZ NOT NULL,
    "configuration" JSONB NOT NULL,
    "options_fee" BIGINT NOT NULL,
    "charge_day" SMALLINT,
    "since" TIMESTAMPTZ NOT NULL,
    "months_from" TIMESTAMPTZ,
    "packages" JSONB NOT NULL,
    "event_id" BIGINT NOT NULL UNIQUE REFERENCES "tariff_event" ("id") ON DELETE RESTRICT
);
COMMENT ON TABLE "tariff_rest" IS 'What was left of the tariff that an event put an end to, while it is paid for: it can be had back (F108).';

ALTER TABLE "tariff_subscription" ADD COLUMN "changes" INT NOT NULL DEFAULT 0;

ALTER TABLE "tariff_subscription" ADD COLUMN "months_from" TIMESTAMPTZ;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_charge" BIGINT NOT NULL DEFAULT 0;

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_role" VARCHAR(16);

ALTER TABLE "tariff_subscription" ADD COLUMN "pending_staff" VARCHAR(64);

CREATE TABLE "usage_event" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "key" VARCHAR(64) NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "type" VARCHAR(24) NOT NULL,
    "unit" VARCHAR(8) NOT NULL,
    "volume" DECIMAL(24,3) NOT NULL,
    "line_id" BIGINT NOT NULL REFERENCES "line" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_usage_event_line_id_ab8932" UNIQUE ("line_id", "key")
);
COMMENT ON COLUMN "usage_event"."type" IS 'CALL: CALL\nSMS: SMS\nMMS: MMS\nINTERNET: INTERNET\nSUBSCRIPTION_FEE: SUBSCRIPTION_FEE\nSERVICE_FEE: SERVICE_FEE\nTOP_UP: TOP_UP\nGIFT: GIFT\nREFUND: REFUND\nOTHER: OTHER';
COMMENT ON COLUMN "usage_event"."unit" IS 'MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY';
COMMENT ON TABLE "usage_event" IS 'That something was used, as the network told: `key` is its name of it, and nothing is counted twice.';

ALTER TABLE "package_counter" ADD COLUMN "scope" VARCHAR(200);

ALTER TABLE "pool_share" RENAME COLUMN "counted_from" TO "counted_until";

ALTER TABLE "usage_day" ADD COLUMN "overage" DECIMAL(24,3) NOT NULL DEFAULT 0;

update package_counter set expires_at = resets_at where source <> 'TARIFF' and expires_at is null;
alter table usage_event add constraint usage_event_used check (volume > 0);
alter table usage_day add constraint usage_day_overage check (overage >= 0);

CREATE TABLE "ticket_message" (
    "id" BIGSERIAL NOT NULL PRIMARY KEY,
    "staff" VARCHAR(80),
    "text" VARCHAR(4000) NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "ticket_id" BIGINT NOT NULL REFERENCES "ticket" ("id") ON DELETE RESTRICT
);
CREATE INDEX "idx_ticket_mess_ticket__dc0a0b" ON "ticket_message" ("ticket_id", "id");
COMMENT ON TABLE "ticket_message" IS 'What is said in a ticket: by an employee, `staff` by name, or by its user. Rows are only ever added.';

alter table ticket add constraint ticket_closed check ((closed_at is null) = (status <> 'CLOSED'));
alter table ticket add constraint ticket_speed check (
  subject <> 'SPEED_INCREASE' or (line_id is not null and (details->>'mbps')::int > 0));

create unique index ticket_speed_open on ticket (line_id)
  where subject = 'SPEED_INCREASE' and status not in ('RESOLVED', 'CLOSED');
create unique index ticket_bundle_open on ticket (user_id, (details->>'bundle'))
  where subject = 'BUNDLE' and status not in ('RESOLVED', 'CLOSED');
create unique index ringback_rule_one on ringback_rule (line_id, for_numbers, coalesce(hours, 'null'::jsonb));

create trigger ticket_message_append_only before update or delete on ticket_message
  for each row execute function append_only();

create index approval_request_asker on approval_request (requested_by_id, id);
create index guest_grant_maker on guest_grant (created_by_id, id);
create index link_request_household on link_request (household_id) where status = 'PENDING';
create index ownership_transfer_heir on ownership_transfer (to_member_id) where done_at is null and cancelled_at is null;
drop index sim_check_asked;
create index sim_check_asked on sim_check (coalesce(asked_at, '-infinity'::timestamptz));

CREATE TABLE "trusted_document" (
    "digest" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "text" TEXT NOT NULL,
    "published_at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE "trusted_document" IS 'A document that clients may send by its id: `digest` is the sha256 of its text, in hexadecimal.';

alter table trusted_document alter published_at set default now();
alter table trusted_document add constraint trusted_document_digest
  check (digest = encode(sha256(convert_to(text, 'UTF8')), 'hex'));

create or replace function append_only() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and tg_nargs > 0 and current_setting('hearth.erasing', true) = 'on' then
    if to_jsonb(new) - tg_argv = to_jsonb(old) - tg_argv then
      return new;
    end if;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = '23001';
end $$;
drop trigger consent_append_only on consent;
create trigger consent_append_only before update or delete on consent
  for each row execute function append_only('text', 'address');
drop trigger audit_event_append_only on audit_event;
create trigger audit_event_append_only before update or delete on audit_event
  for each row execute function append_only('details');
drop trigger ticket_message_append_only on ticket_message;
create trigger ticket_message_append_only before update or delete on ticket_message
  for each row execute function append_only('text');

ALTER TABLE "approval_request" ADD COLUMN "quote" JSONB;

CREATE INDEX "idx_usage_event_at_d1a74a" ON "usage_event" ("at");

insert into tortoise_migrations (app, name, applied_at) values
  ('models', '0001_initial', now()),
  ('models', '0002_rules', now()),
  ('models', '0003_sign_in_ways', now()),
  ('models', '0004_ledger', now()),
  ('models', '0005_ledger_rules', now()),
  ('models', '0006_payment', now()),
  ('models', '0007_payment_rules', now()),
  ('models', '0008_payment_hold', now()),
  ('models', '0009_payment_settled', now()),
  ('models', '0010_autopay', now()),
  ('models', '0011_autopay_rules', now()),
  ('models', '0012_money_without_a_bank', now()),
  ('models', '0013_money_without_a_bank_rules', now()),
  ('models', '0014_fees', now()),
  ('models', '0015_fees_rules', now()),
  ('models', '0016_households_and_links', now()),
  ('models', '0017_households_and_links_rules', now()),
  ('models', '0018_asking_for_links', now()),
  ('models', '0019_household', now()),
  ('models', '0020_household_rules', now()),
  ('models', '0021_sim_checks_and_blocks', now()),
  ('models', '0022_sim_checks_and_blocks_rules', now()),
  ('models', '0023_services_and_tariffs', now()),
  ('models', '0024_services_and_tariffs_rules', now()),
  ('models', '0025_catalogue_search', now()),
  ('models', '0026_service_trials', now()),
  ('models', '0027_tariff_changes', now()),
  ('models', '0028_packages', now()),
  ('models', '0029_tickets', now()),
  ('models', '0030_household_indexes', now()),
  ('models', '0031_trusted_documents', now()),
  ('models', '0032_erasure', now()),
  ('models', '0033_quotes_of_questions', now());
