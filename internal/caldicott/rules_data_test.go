package caldicott

import (
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func TestV004SmallNumbersBlock(t *testing.T) {
	t.Parallel()
	is := func(i vocabulary.Identifiability) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Identifiability = i }
	}
	holds(t, vocabulary.RuleV004, []ruleCase{
		{"small", is(vocabulary.IdentifiabilityAggregateSmallNumbers), "BLOCK_APPROVE identifiability"},
		{"suppressed", is(vocabulary.IdentifiabilityAggregateSuppressed), ""},
	})
}

func TestV005DataGoesAbroadUnderAMechanism(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE transfer.international_mechanism"
	abroad := func(m vocabulary.Mechanism) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Recipients[0].Country, c.Transfer.Mechanism = "US", m }
	}
	holds(t, vocabulary.RuleV005, []ruleCase{
		{"none identified", abroad(vocabulary.MechanismNoneIdentified), found},
		{"said to stay", abroad(vocabulary.MechanismNotOverseas), found},
		{"agreement without assessment", abroad(vocabulary.MechanismIdta), found},
		{"addendum without assessment", abroad(vocabulary.MechanismUkAddendum), found},
		{"rules without assessment", abroad(vocabulary.MechanismBcr), found},
		{"adequacy", abroad(vocabulary.MechanismAdequacy), ""},
		{"absent", abroad(""), ""},
		{"agreement with assessment", func(c *Content, in *Circumstances) {
			abroad(vocabulary.MechanismIdta)(c, in)
			c.document(vocabulary.DocumentTypeTra, vocabulary.DocumentStatusApproved)
		}, ""},
		{"agreement, assessment missing", func(c *Content, in *Circumstances) {
			abroad(vocabulary.MechanismIdta)(c, in)
			c.document(vocabulary.DocumentTypeTra, vocabulary.DocumentStatusMissing)
		}, found},
		{"overseas in GB", func(c *Content, _ *Circumstances) { c.Recipients[0].Type = vocabulary.RecipientTypeOverseas }, found},
		{"no country", func(c *Content, _ *Circumstances) { c.Recipients[0].Country = "" }, found},
		{"anonymous", func(c *Content, in *Circumstances) {
			abroad(vocabulary.MechanismNoneIdentified)(c, in)
			c.anonymous()
		}, ""},
		{"at home", func(*Content, *Circumstances) {}, ""},
	})
}

func TestV006ADPIAIsApproved(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE linked_documents"
	kind := func(k vocabulary.Kind) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Kind = k; c.anonymous() }
	}
	to := func(r vocabulary.RecipientType, f vocabulary.Frequency, care bool) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Recipients[0].Type, c.Transfer.Frequency, c.IndividualCare = r, f, new(care)
		}
	}
	const nhs, processor, controller = vocabulary.RecipientTypeNhsBody, vocabulary.RecipientTypeCommercialProcessor, vocabulary.RecipientTypeCommercialController
	holds(t, vocabulary.RuleV006, []ruleCase{
		{"new system", kind(vocabulary.KindNewSystemDpia), found},
		{"agreement", kind(vocabulary.KindDataSharingAgreement), found},
		{"abroad", kind(vocabulary.KindInternationalTransfer), found},
		{"another kind", kind(vocabulary.KindResearch), ""},
		{"often beyond care", to(nhs, vocabulary.FrequencyContinuous, false), found},
		{"frequency absent beyond care", to(nhs, "", false), found},
		{"often for care", to(nhs, vocabulary.FrequencyContinuous, true), ""},
		{"once to a processor for care", to(processor, vocabulary.FrequencyOneOff, true), found},
		{"once to a company for care", to(controller, vocabulary.FrequencyOneOff, true), ""},
		{"once to a company beyond care", to(controller, vocabulary.FrequencyOneOff, false), found},
		{"often to a company for care", to(controller, vocabulary.FrequencyPeriodic, true), found},
		{"processor, anonymous", func(c *Content, _ *Circumstances) { c.anonymous(); c.Recipients[0].Type = processor }, ""},
		{"approved", func(c *Content, _ *Circumstances) {
			c.Kind = vocabulary.KindNewSystemDpia
			c.document(vocabulary.DocumentTypeDpia, vocabulary.DocumentStatusApproved)
		}, ""},
		{"only attached", func(c *Content, _ *Circumstances) {
			c.Kind = vocabulary.KindNewSystemDpia
			c.document(vocabulary.DocumentTypeDpia, vocabulary.DocumentStatusAttached)
		}, found},
	})
}

func TestV007AnAgreementIsSigned(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE linked_documents"
	change := func(f func(*Content), documents ...vocabulary.DocumentType) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			f(c)
			for _, d := range documents {
				c.document(d, vocabulary.DocumentStatusSigned)
			}
		}
	}
	processor := func(c *Content) { c.Recipients[0].Type = vocabulary.RecipientTypeCommercialProcessor }
	agreement := func(c *Content) { c.Kind = vocabulary.KindDataSharingAgreement }
	research := func(c *Content) { c.Kind = vocabulary.KindResearch }
	often := func(c *Content) { c.Transfer.Frequency = vocabulary.FrequencyPeriodic }
	within := func(c *Content) { c.Recipients[0].Type = vocabulary.RecipientTypeInternal }
	const dsa, contract = vocabulary.DocumentTypeDsa, vocabulary.DocumentTypeDpaContract
	holds(t, vocabulary.RuleV007, []ruleCase{
		{"processor", change(processor), found},
		{"processor, only an agreement", change(processor, dsa), found},
		{"processor, contract", change(processor, contract), ""},
		{"processor, anonymous", change(func(c *Content) { processor(c); c.anonymous() }), ""},
		{"agreement", change(agreement), found},
		{"agreement, only a contract", change(agreement, contract), found},
		{"agreement, signed", change(agreement, dsa), ""},
		{"agreement, draft", change(func(c *Content) { agreement(c); c.document(dsa, vocabulary.DocumentStatusDraft) }), found},
		{"research outside", change(research), found},
		{"research outside, signed", change(research, dsa), ""},
		{"research within", change(func(c *Content) { research(c); within(c) }), ""},
		{"research, anonymous", change(func(c *Content) { research(c); c.anonymous() }), ""},
		{"often", change(often), found},
		{"continuous", change(func(c *Content) { c.Transfer.Frequency = vocabulary.FrequencyContinuous }), found},
		{"often, either will do", change(often, contract), ""},
		{"often within", change(func(c *Content) { often(c); within(c) }), ""},
		{"often, anonymous", change(func(c *Content) { often(c); c.anonymous() }), ""},
		{"frequency absent", change(func(c *Content) { c.Transfer.Frequency = "" }), ""},
	})
}

func TestV012AnHeirShowsStanding(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE linked_documents"
	heir := func(documents ...LinkedDocument) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Kind, c.Legal.Basis, c.Documents = vocabulary.KindDeceasedRecords, vocabulary.BasisAhra1990, documents
		}
	}
	holds(t, vocabulary.RuleV012, []ruleCase{
		{"nothing", heir(), found},
		{"missing", heir(LinkedDocument{Type: vocabulary.DocumentTypeProbate, Status: vocabulary.DocumentStatusMissing}), found},
		{"identity only", heir(LinkedDocument{Type: vocabulary.DocumentTypeIdEvidence, Status: vocabulary.DocumentStatusAttached}), found},
		{"probate", heir(LinkedDocument{Type: vocabulary.DocumentTypeProbate, Status: vocabulary.DocumentStatusAttached}), ""},
		{"a claim", heir(LinkedDocument{Type: vocabulary.DocumentTypeOther, Status: vocabulary.DocumentStatusAttached}), ""},
		{"another basis", func(c *Content, _ *Circumstances) { c.Kind = vocabulary.KindDeceasedRecords }, ""},
		{"another kind", func(c *Content, _ *Circumstances) { c.Legal.Basis = vocabulary.BasisAhra1990 }, ""},
	})
}

func TestV017RetentionIsSaid(t *testing.T) {
	t.Parallel()
	holds(t, vocabulary.RuleV017, []ruleCase{
		{"no period", func(c *Content, _ *Circumstances) { c.Retention.Period = "\t" }, "BLOCK_APPROVE retention"},
		{"no method", func(c *Content, _ *Circumstances) { c.Retention.DisposalMethod = "" }, "BLOCK_APPROVE retention"},
		{"both", func(*Content, *Circumstances) {}, ""},
	})
}

func TestV019ResearchIsApproved(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE linked_documents"
	research := func(documents ...vocabulary.DocumentType) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Kind = vocabulary.KindResearch
			for _, d := range documents {
				c.document(d, vocabulary.DocumentStatusApproved)
			}
		}
	}
	holds(t, vocabulary.RuleV019, []ruleCase{
		{"neither", research(), found},
		{"ethics only", research(vocabulary.DocumentTypeRecOpinion), found},
		{"HRA only", research(vocabulary.DocumentTypeHraApproval), found},
		{"both", research(vocabulary.DocumentTypeRecOpinion, vocabulary.DocumentTypeHraApproval), ""},
		{"by purpose", func(c *Content, _ *Circumstances) { c.PurposeCategory = vocabulary.PurposeResearch }, found},
		{"attached is not approved", func(c *Content, _ *Circumstances) {
			c.Kind = vocabulary.KindResearch
			c.document(vocabulary.DocumentTypeRecOpinion, vocabulary.DocumentStatusAttached)
			c.document(vocabulary.DocumentTypeHraApproval, vocabulary.DocumentStatusApproved)
		}, found},
	})
}

func TestV024EachItemIsJustified(t *testing.T) {
	t.Parallel()
	holds(t, vocabulary.RuleV024, []ruleCase{
		{"second blank", func(c *Content, _ *Circumstances) { c.DataItems[1].Justification = " " }, "BLOCK_SUBMIT data_items[1].justification"},
		{"each", func(*Content, *Circumstances) {}, ""},
	})
}

func TestV027ALesserWayIsConsidered(t *testing.T) {
	t.Parallel()
	holds(t, vocabulary.RuleV027, []ruleCase{
		{"blank", func(c *Content, _ *Circumstances) { c.Alternative = "" }, "BLOCK_SUBMIT less_identifiable_alternative"},
		{"blank, anonymous", func(c *Content, _ *Circumstances) { c.Alternative = ""; c.anonymous() }, ""},
	})
}
