package api

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// bodies are the schemas of what comes in, each with the types that it describes.
var bodies = map[string][]any{
	"ContentBody":             {Drafting{}, Amending{}, RecordingEmergency{}, Checking{}},
	"Confirming":              {SeekingRatification{}, Triaging{}, AcceptingEvidence{}, ConfirmingAppointment{}, AcceptingDelegation{}, Renewing{}, ResendingNotice{}, ConfirmingErasure{}},
	"Answering":               {Answering{}},
	"Resubmitting":            {Resubmitting{}},
	"Asking":                  {Asking{}},
	"Consulting":              {Consulting{}},
	"Advising":                {Advising{}},
	"Waiving":                 {Waiving{}},
	"PuttingForward":          {PuttingForward{}},
	"SettingAside":            {SettingAside{}},
	"Opening":                 {Opening{}},
	"HandingBack":             {HandingBack{}},
	"Deciding":                {Deciding{}},
	"Withdrawing":             {Withdrawing{}},
	"Closing":                 {Closing{}},
	"Commenting":              {Commenting{}},
	"Disclosing":              {Disclosing{}},
	"Suspending":              {Suspending{}},
	"Reinstating":             {Reinstating{}},
	"Revoking":                {Revoking{}},
	"Completing":              {Completing{}},
	"SubmittingEvidence":      {SubmittingEvidence{}},
	"RejectingEvidence":       {RejectingEvidence{}},
	"WaivingCondition":        {WaivingCondition{}},
	"BreachingCondition":      {BreachingCondition{}},
	"Enrolling":               {Enrolling{}},
	"AmendingPerson":          {AmendingPerson{}},
	"Appointing":              {Appointing{}},
	"EndingAppointment":       {EndingAppointment{}},
	"Delegating":              {Delegating{}},
	"RevokingDelegation":      {RevokingDelegation{}},
	"RegisteringOrganisation": {RegisteringOrganisation{}},
	"AmendingOrganisation":    {AmendingOrganisation{}},
	"RegisteringAsset":        {RegisteringAsset{}},
	"AmendingAsset":           {AmendingAsset{}},
	"Submitting":              {Submitting{}},
	"RequestingReview":        {RequestingReview{}},
	"InvitingReviewer":        {InvitingReviewer{}},
	"DecidingReview":          {DecidingReview{}},
	"RecordingDissent":        {RecordingDissent{}},
	"AnsweringDissent":        {AnsweringDissent{}},
	"RecordingNotFollowed":    {RecordingNotFollowed{}},
	"LinkingIncident":         {LinkingIncident{}},
	"UpdatingIncident":        {UpdatingIncident{}},
	"LinkingRisk":             {LinkingRisk{}},
	"Varying":                 {Varying{}},
	"RecordingSupport":        {RecordingSupport{}},
	"ErasingDocument":         {ErasingDocument{}},
	"Attaching":               {Attaching{}},
	"RecordingAssurance":      {RecordingAssurance{}},
	"Rostering":               {Rostering{}},
	"EndingShift":             {EndingShift{}},
	"JudgingSample":           {JudgingSample{}},
	"ReviewingStandingRule":   {ReviewingStandingRule{}},
	"Preferring":              {Preferring{}},
	"CheckingReceipt":         {CheckingReceipt{}},
	"ProposingErasure":        {ProposingErasure{}},
	"RefusingErasure":         {RefusingErasure{}},
	"Holding":                 {Holding{}},
	"ReleasingHold":           {ReleasingHold{}},
	"ProposingDisposal":       {ProposingDisposal{}},
	"RefusingDisposal":        {RefusingDisposal{}},
	"Content":                 {caldicott.Content{}, Content{}},
}

// answers are the schemas of what goes out; what they hold is found from them.
var answers = map[string][]any{
	"RequestView":       {RequestView{}},
	"CheckResult":       {CheckResult{}},
	"VersionView":       {VersionView{}},
	"Difference":        {Difference{}},
	"DecisionView":      {DecisionView{}},
	"AuthorisationView": {AuthorisationView{}},
	"Coverage":          {Coverage{}},
	"Me":                {Me{}},
	"VocabularyView":    {VocabularyView{}},
	"PolicyView":        {PolicyView{}},
	"Problem":           {Problem{}},
	"Health":            {Health{}},
	"Readiness":         {Readiness{}},
	"RequestList":       {List[RequestRow]{}},
	"VersionList":       {List[VersionRow]{}},
	"HistoryList":       {List[HistoryEntry]{}},
	"ConsultationList":  {List[ConsultationView]{}},
	"CommentList":       {List[CommentView]{}},
	"DecisionViewList":  {List[DecisionView]{}},
	"DecisionList":      {List[DecisionRow]{}},
	"AuthorisationList": {List[AuthorisationRow]{}},
	"DisclosureList":    {List[DisclosureView]{}},
	"PersonList":        {List[PersonView]{}},
	"AppointmentList":   {List[AppointmentView]{}},
	"DelegationList":    {List[DelegationView]{}},
	"OrganisationList":  {List[OrganisationView]{}},
	"Assurances":        {Assurances{}}, "Rota": {Rota{}}, "Samples": {Samples{}}, "StandingRules": {StandingRules{}},
	"Erasures": {Erasures{}}, "Holds": {Holds{}}, "Disposals": {Disposals{}},
	"TaskList": {List[TaskView]{}}, "NoticeList": {List[NoticeView]{}}, "ReviewView": {ReviewView{}}, "DocumentView": {DocumentView{}},

	"AssetList": {List[AssetView]{}},
	"LogHealth": {LogHealth{}}, "LogKeyList": {List[LogKey]{}}, "CheckpointList": {List[CheckpointRow]{}},
	"ConsistencyView": {ConsistencyView{}}, "RequestProofs": {RequestProofs{}},

	"AuditEntryList": {List[AuditEntry]{}}, "AuditEntryView": {AuditEntryView{}}, "Manifest": {Manifest{}}, "Statement": {Statement{}},
	"Controls": {Controls{}}, "ControlRowList": {List[ControlRowView]{}},
	"ReceiptView": {ReceiptView{}}, "CertificateView": {CertificateView{}},
}

// comparison holds every struct of the wire against the schema that describes it.
type comparison struct {
	*testing.T
	doc      *openapi3.T
	compared map[reflect.Type]string
	lists    map[reflect.Type]string // the coded list of each type: from the tags of bodies, and listsOfAnswers
	inBody   bool                    // among what comes in: a member that may be absent may also be null
}

// listsOfAnswers are the coded lists of what nobody sends.
var listsOfAnswers = map[reflect.Type]string{
	reflect.TypeFor[vocabulary.State]():              "request_state",
	reflect.TypeFor[vocabulary.AuthorisationState](): "authorisation_state",
	reflect.TypeFor[vocabulary.ConditionState]():     "condition_state",
	reflect.TypeFor[vocabulary.ExceptionReason]():    "exception_reason",
	reflect.TypeFor[vocabulary.Severity]():           "validation_severity",
	reflect.TypeFor[vocabulary.Task]():               "task",
	reflect.TypeFor[vocabulary.Notice]():             "notice",
	reflect.TypeFor[vocabulary.Limit]():              "limit",
	reflect.TypeFor[vocabulary.TripWire]():           "trip_wire",
	reflect.TypeFor[vocabulary.DocumentState]():      "document_state",
	reflect.TypeFor[vocabulary.ReviewState]():        "review_state",
	reflect.TypeFor[vocabulary.LogPurpose]():         "log_purpose",
	reflect.TypeFor[vocabulary.ErasureState]():       "erasure_state",
	reflect.TypeFor[vocabulary.DisposalState]():      "disposal_state",
}

func TestTypesAndContractAgree(t *testing.T) {
	t.Parallel()
	c := &comparison{T: t, doc: readContract(t), compared: map[reflect.Type]string{}, lists: maps.Clone(listsOfAnswers), inBody: true}
	for name, types := range bodies {
		for _, v := range types {
			c.structure(name, reflect.TypeOf(v))
		}
	}
	c.inBody = false
	for name, types := range answers {
		for _, v := range types {
			c.structure(name, reflect.TypeOf(v))
		}
	}
	described := slices.Collect(maps.Values(c.compared))
	for name, schema := range c.doc.Components.Schemas {
		if schema.Value.Type.Is("object") && !slices.Contains(described, name) {
			t.Errorf("schema %s describes no type", name)
		}
	}
	names := []string{"Claiming", "Confirming", "List", "Judged", "Beside", "Aftermath", "AuditPlace"} // embedded, generic, or not on the wire
	for typ := range c.compared {
		names = append(names, typ.Name())
	}
	for _, name := range exportedStructs(t) {
		if !slices.Contains(names, name) {
			t.Errorf("type %s has no schema", name)
		}
	}
}

// exportedStructs are the structs that this package shows.
func exportedStructs(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range file.Scope.Objects {
			if spec, ok := object.Decl.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				if _, ok := spec.Type.(*ast.StructType); ok {
					names = append(names, spec.Name.Name)
				}
			}
		}
	}
	return names
}

// ofContent says whether the type is a part of a content, none of whose members is needed.
func ofContent(t reflect.Type) bool {
	return t.PkgPath() == reflect.TypeFor[caldicott.Content]().PkgPath() || t == reflect.TypeFor[Content]()
}

// structure compares a struct with the schema of that name, and what it holds with theirs.
func (c *comparison) structure(name string, t reflect.Type) {
	if _, done := c.compared[t]; done {
		return
	}
	c.compared[t] = name
	ref := c.doc.Components.Schemas[name]
	if ref == nil {
		c.Errorf("%s: the contract has no schema %s", t, name)
		return
	}
	schema := ref.Value
	if !schema.Type.Is("object") || schema.AdditionalProperties.Has == nil || *schema.AdditionalProperties.Has {
		c.Errorf("%s: must be an object without additional properties", name)
	}
	optional := ofContent(t) || name == "ContentBody"
	var names, required []string
	for _, f := range wireFields(t) {
		member := jsonName(f)
		names = append(names, member)
		if needed(f) && !optional {
			required = append(required, member)
		}
		if property := schema.Properties[member]; property != nil {
			c.member(name+"."+member, property, f, c.inBody && (optional || !needed(f)))
		}
	}
	c.same(name+": members", slices.Collect(maps.Keys(schema.Properties)), names)
	c.same(name+": required", schema.Required, required)
}

func (c *comparison) same(what string, contract, types []string) {
	slices.Sort(contract)
	slices.Sort(types)
	if !slices.Equal(contract, types) {
		c.Errorf("%s: contract %v, type %v", what, contract, types)
	}
}

// member compares one member: whether it may be null, what it is, and its bounds.
func (c *comparison) member(at string, property *openapi3.SchemaRef, f reflect.StructField, nullable bool) {
	property, null := withoutNull(property)
	if null != nullable {
		c.Errorf("%s: may be null in the contract: %t, by its type: %t", at, null, nullable)
	}
	outer, inner, _ := strings.Cut(f.Tag.Get("validate"), "dive")
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice {
		if !is(property.Value, "array") {
			c.Errorf("%s: must be an array", at)
			return
		}
		most, bounded := tagged(outer)["max"]
		if bounded != (property.Value.MaxItems != nil) && c.inBody || bounded && strconv.FormatUint(*property.Value.MaxItems, 10) != most {
			c.Errorf("%s: maxItems is not %s", at, most)
		}
		c.single(at+"[]", property.Value.Items, t.Elem(), tagged(inner))
		return
	}
	c.single(at, property, t, tagged(outer))
}

// withoutNull takes the null away from anyOf [x, null], or tells that type [x, null] allows it.
func withoutNull(ref *openapi3.SchemaRef) (*openapi3.SchemaRef, bool) {
	if any := ref.Value.AnyOf; len(any) == 2 && any[1].Value.Type.Is("null") {
		return any[0], true
	}
	return ref, ref.Value.Type.Includes("null")
}

// tagged reads "omitempty,max=20,code=role" into a map.
func tagged(tag string) map[string]string {
	tags := map[string]string{}
	for part := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(part, "=")
		tags[name] = value
	}
	return tags
}

// single compares what is no list.
func (c *comparison) single(at string, ref *openapi3.SchemaRef, t reflect.Type, tags map[string]string) {
	named := strings.TrimPrefix(ref.Ref, "#/components/schemas/")
	list, coded := tags["code"]
	switch {
	case coded:
		if known, ok := c.lists[t]; ok && known != list {
			c.Errorf("%s: %s is a code of %s elsewhere", at, t, known)
		}
		c.lists[t] = list
		if named != schemaOfList(list) {
			c.Errorf("%s: is %q, not a code of %s", at, named, list)
		}
	case t == reflect.TypeFor[time.Time]():
		c.named(at, named, "Instant")
	case t == reflect.TypeFor[RecipientName]():
		c.named(at, named, "RecipientName")
	case t.Kind() == reflect.Struct:
		c.structure(named, t)
	case t.PkgPath() == reflect.TypeFor[vocabulary.Kind]().PkgPath():
		if list, ok := c.lists[t]; !ok || named != schemaOfList(list) {
			c.Errorf("%s: is %q, not a code of %q", at, named, list)
		}
	case t.Kind() == reflect.Interface:
	default:
		c.scalar(at, named, ref.Value, t, tags)
	}
}

// formOf is the schema of each form that Check knows.
var formOf = map[string]string{"id": "ID", "user_id": "UserID", "org_code": "OrgCode", "country": "Country", "date": "Day", "instant": "Instant", "sign_in": "SignIn", "mail_address": "MailAddress"}

// scalar compares a text, number or boolean with its form and bounds.
func (c *comparison) scalar(at, named string, schema *openapi3.Schema, t reflect.Type, tags map[string]string) {
	for tag, form := range formOf {
		if _, ok := tags[tag]; ok {
			c.named(at, named, form)
			return
		}
	}
	kind := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Float64: "number"}[t.Kind()]
	if !is(schema, kind) {
		c.Errorf("%s: is no %s", at, kind)
	}
	if !c.inBody {
		return
	}
	bounds := map[string]string{}
	if schema.MaxLength != nil {
		bounds["max"] = strconv.FormatUint(*schema.MaxLength, 10)
	}
	if schema.MinLength == 1 {
		bounds["filled"] = ""
	}
	if schema.Min != nil {
		bounds["min"] = strconv.FormatFloat(*schema.Min, 'f', -1, 64)
	}
	if schema.Max != nil {
		bounds["max"] = strconv.FormatFloat(*schema.Max, 'f', -1, 64)
	}
	for _, tag := range []string{"omitempty", "required", ""} {
		delete(tags, tag)
	}
	if t.Kind() == reflect.String && bounds["max"] == "" {
		c.Errorf("%s: a text without a bound", at)
	}
	if !maps.Equal(bounds, tags) {
		c.Errorf("%s: bounds in the contract %v, in the type %v", at, bounds, tags)
	}
}

func (c *comparison) named(at, named, want string) {
	if named != want {
		c.Errorf("%s: is %q, not %s", at, named, want)
	}
}

func is(s *openapi3.Schema, kind string) bool { return s.Type.Includes(kind) }

// schemaOfList names the schema of a coded list: RequestKindCode for request_kind.
func schemaOfList(list string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(list, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String() + "Code"
}

func TestCodedListsAreTheVocabularys(t *testing.T) {
	t.Parallel()
	doc := readContract(t)
	lists := map[string][]any{}
	for _, list := range vocabulary.Lists() {
		for _, e := range list.Entries {
			lists[schemaOfList(list.Name)] = append(lists[schemaOfList(list.Name)], e.Code)
		}
	}
	for name, schema := range doc.Components.Schemas {
		if strings.HasSuffix(name, "Code") && schema.Ref == "" && name != "OrgCode" && !reflect.DeepEqual(schema.Value.Enum, lists[name]) {
			t.Errorf("%s: run go generate ./internal/caldicott/vocabulary", name)
		}
	}
}

func TestFormsAreTheContracts(t *testing.T) {
	t.Parallel()
	schemas := readContract(t).Components.Schemas
	for name, form := range map[string]string{
		"ID": idForm.String(), "UserID": userIDForm.String(), "OrgCode": orgCodeForm.String(), "Country": countryForm.String(),
		"Day": dayForm.String(), "Instant": instantForm.String(),
	} {
		if schemas[name].Value.Pattern != form {
			t.Errorf("%s: contract %s, check %s", name, schemas[name].Value.Pattern, form)
		}
	}
	if pattern := schemas["RecipientName"].Value.OneOf[0].Value.Pattern; pattern != recipientForm.String() {
		t.Errorf("RecipientName: contract %s, check %s", pattern, recipientForm)
	}
}

// agrees holds an answer against a schema.
func agrees(t *testing.T, doc *openapi3.T, schema string, answer any) {
	t.Helper()
	written, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(written, &plain); err != nil {
		t.Fatal(err)
	}
	if err := doc.Components.Schemas[schema].Value.VisitJSON(plain); err != nil {
		t.Errorf("%s: %v\n%s", schema, err, written)
	}
}
