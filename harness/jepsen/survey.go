package jepsen

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Survey is what the clients of one of usurper's histories did, as far as it
// decides which model of Jepsen's can express it.
type Survey struct {
	registers, cas, deeds bool // on registers: single operations, cas among them, transactions
	sets, lists           bool
	mixed                 bool            // a transaction on registers and lists
	appended              map[string]bool // the keys that are lists
}

// Look reads a history to its end.
func Look(events iter.Seq2[*history.Event, error]) (Survey, error) {
	s := Survey{appended: make(map[string]bool)}
	for e, err := range events {
		if err != nil {
			return s, err
		}
		if e.Op != nil && e.Op.Type == history.Invoke {
			s.look(e.Op)
		}
	}
	return s, nil
}

func (s *Survey) look(op *history.Op) {
	switch op.F {
	case history.FGet, history.FPut, history.FDelete:
		s.registers = true
	case history.FCas:
		s.registers, s.cas = true, true
	case history.FAdd:
		s.sets = true
	case history.FAppend:
		s.lists = true
		s.listed(op.Key)
	case history.FTxn:
		var lists, registers bool
		for i := range op.Txn {
			switch m := &op.Txn[i]; m.F {
			case history.FAppend, history.FRead:
				lists = true
				s.listed(m.Key)
			default:
				registers = true
			}
		}
		s.lists, s.deeds, s.mixed = s.lists || lists, s.deeds || registers, s.mixed || lists && registers
	}
}

func (s *Survey) listed(key string) {
	if !s.appended[key] {
		s.appended[strings.Clone(key)] = true
	}
}

// Models lists the models of which the history has operations: one for all that
// was done to registers, one for sets, one for lists.
func (s *Survey) Models() []Model {
	var models []Model
	switch {
	case s.deeds:
		models = append(models, MultiRegister)
	case s.cas:
		models = append(models, CasRegister)
	case s.registers:
		models = append(models, Register)
	}
	if s.sets {
		models = append(models, Set)
	}
	if s.lists {
		models = append(models, ListAppend)
	}
	return models
}

// choose returns the model to write: the one that is wanted, or the only one
// there is.
func (s *Survey) choose(want Model) (Model, error) {
	if s.mixed {
		return "", errors.New("it has transactions on registers and lists at once, which no model of Jepsen's has")
	}
	models := s.Models()
	if len(models) == 0 {
		return "", errors.New("its clients did nothing that a model of Jepsen's has")
	}
	if want == "" {
		if len(models) > 1 {
			return "", fmt.Errorf("it has operations of the models %s: choose one with --model", names(models))
		}
		want = models[0]
	}
	for _, m := range models {
		if want != m && !(want == CasRegister && m == Register) {
			continue
		}
		if m == MultiRegister && s.cas {
			return "", errors.New("it has cas and transactions on registers, which no model of Jepsen's has both of")
		}
		return want, nil
	}
	return "", fmt.Errorf("it has no operations of the model %s, only of %s", want, names(models))
}

func names(models []Model) string {
	texts := make([]string, len(models))
	for i, m := range models {
		texts[i] = string(m)
	}
	return strings.Join(texts, ", ")
}
