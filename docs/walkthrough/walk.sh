#!/usr/bin/env bash
# The README's walk-through, step by step, against a running `make run`: curl and nothing else. It stops at the first
# answer that is not what it should be.
set -euo pipefail
. "$(dirname "$0")/ask.sh"

request=none
echo '— a researcher drafts, checks and submits'
ask 200 u-req-research POST /requests/check -d @docs/walkthrough/s03.json
ask 201 u-req-research POST /requests -H "Idempotency-Key: walk-$$" -d @docs/walkthrough/s03.json
request=$(grep -i '^location:' "$headers" | sed 's#.*/requests/##' | tr -d '\r')
ask 200 u-req-research POST "/requests/$request/check"
deed 200 u-req-research submission '{}'
echo '— another requester is told that there is no such thing'
ask 404 u-req-audit GET "/requests/$request"
echo '— information governance triages and consults; the consultees advise'
deed 200 u-ig1 triage '{}'
deed 200 u-ig1 consultations '{"consultees":["RESEARCH_OFFICE","DPO","IAO"]}'
for who in u-rd:RESEARCH_OFFICE u-dpo:DPO u-iao-ehr:IAO; do
	ask 200 "${who%%:*}" POST "/requests/$request/advice" -d '{"role":"'"${who##*:}"'","view":"SUPPORT","text":"No objection."}'
done
deed 200 u-iglead readiness '{"recommendation":"Supported."}'
echo '— the requester may not decide, a stale revision is refused, the guardian opens and decides'
stale=$revision
deed 200 u-guardian opening '{"conflict":{"type":"NONE"}}'
seen u-req-research
ask 403 u-req-research POST "/requests/$request/decisions" -H "If-Match: $revision" -d @docs/walkthrough/decision.json
[ "$(member code)" = SD1 ] || { echo 'expected SD1'; exit 1; }
ask 412 u-guardian POST "/requests/$request/decisions" -H "If-Match: $stale" -d @docs/walkthrough/decision.json
seen u-guardian
ask 200 u-guardian POST "/requests/$request/decisions" -H "If-Match: $revision" -d @docs/walkthrough/decision.json
echo '— the authorisation, a disclosure under it, the history, and the trail'
seen u-req-research
authorisation=$(sed -n 's/.*"authorisations" *: *\[ *{ *"id" *: *"\([^"]*\)".*/\1/p' "$answer")
ask 200 u-req-research GET "/authorisations/$authorisation"
[ "$(member state)" = ACTIVE ] || { echo 'expected an ACTIVE authorisation'; cat "$answer"; exit 1; }
ask 201 u-req-research POST "/authorisations/$authorisation/disclosures" -d '{"recipient":"TST05","records":8888,"method":"SFTP"}'
ask 200 u-req-research GET "/requests/$request/history"
ask 200 u-auditor GET "/requests/$request/history"
bin/caldicott audit verify
