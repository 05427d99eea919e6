package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	nats "github.com/nats-io/nats.go"
)

// maxMessages bounds the messages of one subject that are read.
const maxMessages = 1 << 16

// batch is how many messages are asked for at once.
const batch = 1000

// message is a message of a stream. The zero message stands for none.
type message struct {
	sequence      uint64
	data          string
	deleted, mark bool
}

// value is that of the key of which it is the last message.
func (m *message) value() string {
	if m.deleted {
		return ""
	}
	return m.data
}

// last returns the last message of a subject as the stream's leader has it, or, if reads
// are direct, any replica.
func (c *client) last(ctx context.Context, stream, subject string) (message, error) {
	if c.o.DirectReads {
		answer, err := c.conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream+"."+subject, nil)
		if err != nil {
			return message{}, err
		}
		m, _, err := direct(answer)
		return m, err
	}
	return c.stored(ctx, stream, map[string]any{"last_by_subj": subject})
}

// stored asks the stream's leader for a message, which there may not be.
func (c *client) stored(ctx context.Context, stream string, request map[string]any) (message, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return message{}, err
	}
	answer, err := c.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	if err != nil {
		return message{}, err
	}
	var got struct {
		Error   *refusal `json:"error"`
		Message *struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
			Header   []byte `json:"hdrs"`
		} `json:"message"`
	}
	switch err := json.Unmarshal(answer.Data, &got); {
	case err != nil:
		return message{}, fmt.Errorf("%w: %.60q", errGarbled, answer.Data)
	case got.Error != nil && got.Error.ErrCode == errNoMessage:
		return message{}, nil
	case got.Error != nil:
		return message{}, got.Error
	case got.Message == nil || got.Message.Sequence == 0:
		return message{}, fmt.Errorf("%w: %.60q", errGarbled, answer.Data)
	}
	header := nats.Header{}
	if len(got.Message.Header) > 0 {
		if header, err = nats.DecodeHeadersMsg(got.Message.Header); err != nil {
			return message{}, fmt.Errorf("%w: a header: %w", errGarbled, err)
		}
	}
	return newMessage(got.Message.Sequence, got.Message.Data, header), nil
}

func newMessage(sequence uint64, data []byte, header nats.Header) message {
	return message{
		sequence: sequence, data: string(data),
		deleted: header.Get(headOperation) == operationOfDeletes, mark: header.Get(headMark) != "",
	}
}

// direct reads an answer of a replica: a message, or none; pending is how many more of
// its subject there are.
func direct(answer *nats.Msg) (m message, pending uint64, err error) {
	switch answer.Header.Get(headStatus) {
	case "":
	case "404":
		return message{}, 0, nil
	default:
		return message{}, 0, fmt.Errorf("a replica answers %s %s", answer.Header.Get(headStatus), answer.Header.Get("Description"))
	}
	sequence, err := strconv.ParseUint(answer.Header.Get(headSequence), 10, 64)
	if err != nil || sequence == 0 {
		return message{}, 0, fmt.Errorf("%w: the sequence %.20q", errGarbled, answer.Header.Get(headSequence))
	}
	if text := answer.Header.Get(headPending); text != "" {
		if pending, err = strconv.ParseUint(text, 10, 64); err != nil {
			return message{}, 0, fmt.Errorf("%w: %.20q more to come", errGarbled, text)
		}
	}
	return newMessage(sequence, answer.Data, answer.Header), pending, nil
}

// all returns all messages of a subject of the stream of lists, in order.
func (c *client) all(ctx context.Context, subject string) ([]message, error) {
	var all []message
	for next := uint64(1); ; {
		var more bool
		var err error
		if c.confirms || c.o.DirectReads {
			all, more, err = c.batch(ctx, subject, next, all)
		} else {
			all, more, err = c.one(ctx, subject, next, all)
		}
		switch {
		case err != nil:
			return nil, err
		case len(all) > maxMessages:
			return nil, fmt.Errorf("%s has over %d messages", subject, maxMessages)
		case !more:
			return all, nil
		}
		next = all[len(all)-1].sequence + 1
	}
}

// one asks the stream's leader for the next message of a subject.
func (c *client) one(ctx context.Context, subject string, next uint64, all []message) ([]message, bool, error) {
	m, err := c.stored(ctx, listStream, map[string]any{"seq": next, "next_by_subj": subject})
	if err != nil || m.sequence == 0 {
		return all, false, err
	}
	if m.sequence < next {
		return all, false, fmt.Errorf("%w: message %d instead of %d or later", errGarbled, m.sequence, next)
	}
	return append(all, m), true, nil
}

// batch asks a replica for the next messages of a subject. What it answers ends with an
// empty message.
func (c *client) batch(ctx context.Context, subject string, next uint64, all []message) (_ []message, more bool, err error) {
	request, err := json.Marshal(map[string]any{"seq": next, "batch": batch, "next_by_subj": subject})
	if err != nil {
		return all, false, err
	}
	inbox := c.conn.NewInbox()
	answers, err := c.conn.SubscribeSync(inbox)
	if err != nil {
		return all, false, err
	}
	defer answers.Unsubscribe()
	if err := c.conn.PublishRequest("$JS.API.DIRECT.GET."+listStream, inbox, request); err != nil {
		return all, false, err
	}
	for pending := uint64(0); ; {
		answer, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return all, false, err
		}
		if answer.Header.Get(headStatus) == "204" {
			return all, pending > 0, nil
		}
		var m message
		if m, pending, err = direct(answer); err != nil || m.sequence == 0 {
			return all, false, err
		}
		if m.sequence < next {
			return all, false, fmt.Errorf("%w: message %d instead of %d or later", errGarbled, m.sequence, next)
		}
		next = m.sequence + 1
		all = append(all, m)
	}
}
