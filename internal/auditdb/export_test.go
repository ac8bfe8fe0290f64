package auditdb

// For tests that ask the planner.
const PageQuery = pageQuery

// Args are the question as the queries take it.
func (q Question) Args() []any { return q.args() }
