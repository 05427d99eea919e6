package object

import (
	"fmt"
	"strconv"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// Bank judges accounts between which money moves: every read of all of them shows one
// total, the same at all times, and no balance that is missing or below zero. That is what Jepsen's bank
// test asks; reads of no account at all, before any other, count for nothing unless the
// total is known; whether a read saw the transfers that came before it is not judged.
type Bank struct {
	gathered
	rules BankRules
}

// BankRules say what is known of a bank besides its history.
type BankRules struct {
	Total    *int64 // of all accounts; nil: what the first read saw
	Negative bool   // balances may be below zero
}

// NewBank returns the checker "bank".
func NewBank(rules BankRules) *Bank { return &Bank{gather("bank", FTransfer, FBalances), rules} }

// Finish gives the verdict.
func (c *Bank) Finish() verdict.Result {
	var transfers, reads int64
	var total int64
	for _, t := range c.order {
		var first *operation
		for _, o := range t.ops {
			switch {
			case !o.ok():
			case o.asked().F == FTransfer:
				transfers++
			case first == nil && c.rules.Total == nil && len(o.got().List) == 0:
				// Nobody had opened an account yet, as far as is known.
			default:
				reads++
				sum, ok := c.read(t, o)
				if !ok {
					continue
				}
				if first == nil {
					first, total = o, sum
				}
				c.compare(t, first, o, total, sum)
			}
		}
	}
	if c.asked > 0 && (transfers == 0 || reads == 0) {
		c.Unknown("%s and %s succeeded: nothing to judge", count.Many(transfers, "transfer"), count.Many(reads, "read"))
	}
	return c.result("no transfer and no read of accounts", fmt.Sprintf("%s, %s, each with the total %d", count.Many(transfers, "transfer"), count.Many(reads, "read"), total),
		func() (verdict.Checker, *gathered) { c := NewBank(c.rules); return c, &c.gathered })
}

// read adds up what a read saw.
func (c *Bank) read(t *thing, o *operation) (sum int64, ok bool) {
	list := o.got().List
	for i := 0; i+1 < len(list); i += 2 {
		if list[i+1] == "nil" {
			c.violate("an account without a balance", fmt.Sprintf("%s: client %d read that account %s has no balance by %s", t.key, o.asked().Process, list[i], o.ended()), o)
			return 0, false
		}
		n, err := strconv.ParseInt(list[i+1], 10, 64)
		if err != nil || n > 1<<40 || n < -1<<40 {
			c.Unknown("%s: client %d read the balance %q of account %s at %s, which is no whole number below 2^40: it is not judged",
				t.key, o.asked().Process, list[i+1], list[i], o.ended())
			return 0, false
		}
		if n < 0 && !c.rules.Negative {
			c.violate("a balance below zero", fmt.Sprintf("%s: client %d read %d on account %s by %s (--negative-balances allows it)", t.key, o.asked().Process, n, list[i], o.ended()), o)
		}
		sum += n
	}
	return sum, true
}

// compare holds the total of a read to that of the first, or to the one that is known.
func (c *Bank) compare(t *thing, first, o *operation, total, sum int64) {
	const rule = "money made or lost"
	switch {
	case c.rules.Total != nil && sum != *c.rules.Total:
		c.violate(rule, fmt.Sprintf("%s: client %d read a total of %d by %s, and there is %d", t.key, o.asked().Process, sum, o.ended(), *c.rules.Total), o)
	case c.rules.Total == nil && sum != total:
		c.violate(rule, fmt.Sprintf("%s: client %d read a total of %d by %s, and client %d read %d by %s",
			t.key, first.asked().Process, total, first.ended(), o.asked().Process, sum, o.ended()), first, o)
	}
}
