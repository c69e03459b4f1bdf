"""Operations of a gateway that runs: CHASQUI_MCP is its HOST:PORT, CHASQUI_KEY its key (all scopes), CHASQUI_MODEL a model that it has (mini)."""

import json
import unittest

from mcp1 import protobuf
from mcp1.client import Client
from mcp1.codes import ConnectionFailed, ErrorAnswer, StreamFailed
from wire import ADDRESS, KEY, MODEL

WHOLE_NAME = MODEL if ":" in MODEL else MODEL + ":latest"


def generate(prompt="Once upon a time", count=12, **common):
    return {"model": MODEL, "prompt": prompt, "common": dict(common, options={"num_predict": count, "temperature": 0.0})}


@unittest.skipUnless(ADDRESS, "CHASQUI_MCP does not say where a gateway is")
class Gateway(unittest.TestCase):
    def setUp(self):
        self.client = Client(ADDRESS, KEY)
        self.addCleanup(self.client.abort)

    def updates(self, op, request, values, client=None, **fields):
        return list((client or self.client).stream(op, request, "GenerationUpdate", values, **fields)[1])

    def refused(self, status, code, call):
        with self.assertRaises(ErrorAnswer) as caught:
            call()
        self.assertEqual((status, code), (caught.exception.status, caught.exception.code))
        self.assertTrue(caught.exception.error["message"])

    def test_hello_tells_the_settings_and_the_name(self):
        peer = self.client.connection.peer
        self.assertRegex(peer["name"], "^chasqui/")
        self.assertGreaterEqual(peer["max_streams"], 1)
        info = self.client.call("server.info", answer="ServerInfo")
        self.assertEqual("chasqui", info["name"])
        self.assertLessEqual({"generate", "chat", "infer", "embed", "tokenize", "models.list", "http", "channel.subscribe"}, set(info["operations"]))

    def test_a_generation_is_streamed(self):
        reply, updates = self.client.stream("generate", "GenerateRequest", "GenerationUpdate", generate(with_tokens=True), request_id="my-request")
        updates = list(updates)
        self.assertEqual({"status": "200", "request-id": "my-request"}, {name: reply.head().get(name) for name in ("status", "request-id")})
        self.assertGreater(len(updates), 2)
        self.assertEqual([None] * (len(updates) - 1), [update["result"] for update in updates[:-1]])
        result = updates[-1]["result"]
        self.assertEqual(("LENGTH", 12), (result["reason"], result["completion_tokens"]))
        self.assertEqual(result["prompt_tokens"], updates[0]["prompt_tokens"])
        self.assertEqual(12, sum(len(update["tokens"]) for update in updates))
        again = self.updates("infer", "InferRequest", {"generate": generate()})
        self.assertEqual("".join(u["text"] for u in updates), "".join(u["text"] for u in again))

    def test_a_chat_is_streamed(self):
        chat = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me a story."}], "common": {"options": {"num_predict": 8, "temperature": 0.0}}}
        updates = self.updates("chat", "ChatRequest", chat)
        self.assertTrue("".join(update["text"] for update in updates))
        self.assertEqual(8, updates[-1]["result"]["completion_tokens"])

    def test_logprobs_come_where_they_are_asked_for(self):
        first = self.updates("generate", "GenerateRequest", generate(count=2, logprobs=True, top_logprobs=3))[0]
        self.assertTrue(first["has_logprobs"])
        self.assertEqual(3, len(first["logprobs"][0]["alternatives"]))
        self.assertLessEqual(first["logprobs"][0]["logprob"], 0)

    def test_a_text_becomes_tokens_and_a_vector(self):
        tokens = self.client.call("tokenize", "TokenizeRequest", "TokenizeResponse", {"model": MODEL, "text": "Once upon a time"})["tokens"]
        self.assertGreater(len(tokens), 1)
        self.assertEqual([], self.client.call("tokenize", "TokenizeRequest", "TokenizeResponse", {"model": MODEL, "text": ""})["tokens"])
        vectors = self.client.call("embed", "EmbedRequest", "EmbedResponse", {"model": MODEL, "inputs": ["a cat", "a dog"]})["vectors"]
        self.assertEqual(2, len(vectors))
        for vector in vectors:
            self.assertAlmostEqual(1.0, sum(number * number for number in vector["values"]), places=3)

    def test_models_are_listed_shown_loaded_and_unloaded_and_the_channel_tells(self):
        with Client(ADDRESS, KEY) as listener:
            reply, events = listener.stream("channel.subscribe", "SubscribeRequest", "ChannelEvent", {"channel": "models"})
            self.assertEqual(200, reply.status)
            self.assertIn(WHOLE_NAME, [model["name"] for model in self.client.call("models.list", answer="ModelList")["models"]])
            shown = self.client.call("models.show", "ModelName", "ModelDescription", {"model": MODEL})
            self.assertEqual(WHOLE_NAME, shown["summary"]["name"])
            self.assertGreater(len(shown["tensors"]), 0)
            loaded = self.client.call("models.load", "LoadRequest", "ResidentModel", {"model": MODEL})
            self.assertEqual(WHOLE_NAME, loaded["summary"]["name"])
            resident = self.client.call("models.ps", answer="ResidentList")["models"]
            self.assertIn(WHOLE_NAME, [model["summary"]["name"] for model in resident])
            self.assertTrue(self.client.call("models.unload", "ModelName", "UnloadResponse", {"model": MODEL})["was_resident"])
            self.assertFalse(self.client.call("models.unload", "ModelName", "UnloadResponse", {"model": MODEL})["was_resident"])
            first, second = next(events), next(events)
            self.assertEqual(first["number"] + 1, second["number"])
            self.assertEqual(["models", "application/json", 0], [first[name] for name in ("channel", "content_type", "missed")])
            told = [json.loads(event["payload"]) for event in (first, second)]
            self.assertEqual([{"event": "loaded", "model": WHOLE_NAME}, {"event": "unloaded", "model": WHOLE_NAME}], told)
            reply.cancel()
            self.assertEqual(b"still on", listener.ping(b"still on"))

    def test_events_are_published(self):
        with Client(ADDRESS, KEY) as listener:
            reply, events = listener.stream("channel.subscribe", "SubscribeRequest", "ChannelEvent", {"channel": "my.own_channel-1"})
            self.assertEqual(200, reply.status)
            event = {"channel": "my.own_channel-1", "content_type": "text/plain", "payload": b"\x00hello\xff"}
            published = self.client.call("channel.publish", "PublishRequest", "PublishResponse", event)
            self.assertEqual(1, published["subscribers"])
            self.assertEqual(dict(event, number=published["number"], missed=0, lagged=False), next(events))

    def test_streams_with_little_credit_run_at_once(self):
        with Client(ADDRESS, KEY, stream_credit=64, connection_credit=65_536, header_table=0, max_frame=16_384) as client:
            prompts = [f"Once upon a time {number}" for number in range(8)]
            running = [client.stream("generate", "GenerateRequest", "GenerationUpdate", generate(prompt, 20), priority=priority)[1]
                       for prompt, priority in zip(prompts, ("normal", "urgent", "batch") * 3)]
            # A message of many times the credit comes in parts.
            shown = client.call("models.show", "ModelName", "ModelDescription", {"model": MODEL})
            self.assertGreater(len(shown["tensors"]), 10)
            for updates in running:
                last = list(updates)[-1]
                self.assertIn(last["result"]["reason"], ("STOP", "LENGTH"))

    def test_a_request_greater_than_the_credit_goes_in_parts(self):
        text = "story " * 60_000
        self.assertGreater(len(text), self.client.connection.peer["stream_credit"])
        tokens = self.client.call("tokenize", "TokenizeRequest", "TokenizeResponse", {"model": MODEL, "text": text})["tokens"]
        self.assertGreaterEqual(len(tokens), 60_000)

    def test_a_cancelled_answer_ends_and_the_connection_goes_on(self):
        # With so little credit the answer cannot be over before it is cancelled.
        with Client(ADDRESS, KEY, stream_credit=32) as client:
            reply, updates = client.stream("generate", "GenerateRequest", "GenerationUpdate", generate(count=40))
            next(updates)
            reply.cancel()
            with self.assertRaises(StreamFailed) as caught:
                list(updates)
            self.assertEqual("CANCELLED", caught.exception.code)
            self.assertEqual(b"12345678", client.ping(b"12345678"))
            self.assertTrue(self.updates("generate", "GenerateRequest", generate(count=2), client))

    def test_a_deadline_ends_the_answer(self):
        with self.assertRaises(StreamFailed) as caught:
            self.updates("generate", "GenerateRequest", generate("Once upon a time. " * 50, 100_000, alone=True), deadline_ms=1)
        self.assertEqual("DEADLINE", caught.exception.code)

    def test_a_generation_that_is_kept_is_followed_from_its_offset(self):
        name = f"python-{id(self.client)}-{self.client._socket.getsockname()[1]}"
        whole = self.updates("generate", "GenerateRequest", generate(), generation=name)
        for rest in (self.updates("generate", "GenerateRequest", generate(), generation=name, offset=2),
                     self.updates("generation.resume", "ResumeRequest", {"id": name, "offset": 2})):
            self.assertEqual([u["text"] for u in whole[2:]], [u["text"] for u in rest])
        self.refused(404, "generation_not_found", lambda: self.updates("generate", "GenerateRequest", generate(), generation=name + "x", offset=2))

    def test_http_goes_through(self):
        reply = self.client.request({"op": "http", "method": "GET", "path": "/api/tags", "request-id": "over-mcp"}, None)
        tags = json.loads(b"".join(reply.messages()))
        self.assertIn(WHOLE_NAME, [model["name"] for model in tags["models"]])
        head = reply.head()
        self.assertEqual(("200", "over-mcp"), (head["status"], head["request-id"]))
        self.assertTrue(head["content-type"].startswith("application/json"))
        self.assertEqual(set(), {"content-length", "transfer-encoding", "connection", "keep-alive", "x-request-id"} & set(head))

        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello!"}], "options": {"num_predict": 4}}
        reply = self.client.request({"op": "http", "path": "/api/chat", "content-type": "application/json"}, json.dumps(body).encode())
        lines = [json.loads(line) for line in b"".join(reply.messages()).splitlines()]
        self.assertEqual([False] * (len(lines) - 1) + [True], [line["done"] for line in lines])

        # The same body in two messages.
        reply = self.client.request({"op": "http", "path": "/api/show"}, b'{"model":', end=False)
        reply.send(f'"{MODEL}"}}'.encode(), end=True)
        self.assertEqual(200, reply.status)
        self.assertIn("model_info", json.loads(b"".join(reply.messages())))

    def test_errors_over_http_are_those_of_the_api(self):
        for path, body, status in (("/api/chat", b'{"model":"no-such-model","messages":[]}', 404), ("/api/chat", b'{"model"', 400),
                                   ("/v1/chat/completions", b'{"model":"no-such-model","messages":[{"role":"user","content":"x"}]}', 404)):
            reply = self.client.request({"op": "http", "path": path}, body)
            self.assertEqual(status, reply.status)
            self.assertIn("error", json.loads(b"".join(reply.messages())))
        for method, path, status in (("GET", "/no/such/path", 404), ("POST", "/api/tags", 405)):
            self.assertEqual(status, self.client.request({"op": "http", "method": method, "path": path}, None).status)

    def test_what_is_wrong_is_refused_by_its_code(self):
        call, stream = self.client.call, self.updates
        self.refused(404, "model_not_found", lambda: stream("generate", "GenerateRequest", {"model": "no-such-model", "prompt": "x"}))
        self.refused(404, "model_not_found", lambda: call("models.show", "ModelName", "ModelDescription", {"model": "no-such-model"}))
        self.refused(404, "invalid_request", lambda: call("no.such.operation"))
        self.refused(404, "invalid_request", lambda: list(self.client.request({}, b"").read("Empty")))
        self.refused(404, "session_not_found", lambda: list(self.client.stream(
            "channel.subscribe", "SubscribeRequest", "ChannelEvent", {"channel": "session.none"})[1]))
        self.refused(400, "invalid_request", lambda: stream("generate", "GenerateRequest", {"prompt": "no model"}))
        self.refused(400, "invalid_model_name", lambda: stream("generate", "GenerateRequest", {"model": "../x"}))
        self.refused(400, "invalid_format", lambda: stream("generate", "GenerateRequest", generate(format='{"type":"no-such-type"}')))
        self.refused(400, "invalid_template", lambda: stream("generate", "GenerateRequest", dict(generate(), template="{{ if")))
        self.refused(400, "unsupported_capability", lambda: stream("generate", "GenerateRequest", dict(generate(), images=[b"x"])))
        self.refused(400, "invalid_option", lambda: stream("generate", "GenerateRequest", dict(generate(), common={"options": {"temperature": 101.0}})))
        self.refused(400, "context_length_exceeded", lambda: stream("generate", "GenerateRequest", generate("word " * 9_000, no_truncate=True)))
        self.refused(400, "invalid_request", lambda: call("channel.publish", "PublishRequest", "PublishResponse", {"channel": "models"}))

    def test_fields_that_are_wrong_are_refused(self):
        for fields in ({"deadline-ms": "0"}, {"deadline-ms": "86400001"}, {"deadline-ms": "soon"}, {"max-wait-ms": "-1"}, {"node": "no-such-node"},
                       {"node": "all"}, {"content-type": "application/json"}, {"op": "http", "path": "no/slash"}, {"op": "http"},
                       {"op": "http", "path": "/api/tags", "deadline-ms": "x"}, {"op": "generate", "generation": "too-short"}):
            with self.subTest(**fields):
                reply = self.client.request(dict({"op": "models.list"}, **fields), None)
                self.refused(400, "invalid_request", lambda: list(reply.read("Empty")))
                self.assertTrue(reply.head()["request-id"])
        for twice in ("op", "request-id", "deadline-ms", "path"):
            reply = self.client.request([("op", "http"), ("path", "/api/tags"), ("request-id", "a"), ("deadline-ms", "9000"), (twice, "http")], None)
            self.refused(400, "invalid_request", lambda: list(reply.read("Empty")))

    def test_messages_that_cannot_be_parsed_are_refused(self):
        whole = protobuf.encode("TokenizeRequest", {"model": MODEL, "text": "Once upon a time"})
        between = (0, len(MODEL) + 2)
        for kept in range(len(whole)):
            if kept not in between:
                reply = self.client.request({"op": "tokenize"}, whole[:kept])
                self.refused(400, "invalid_request", lambda: list(reply.read("TokenizeResponse")))
        # A field that is not known is passed over.
        request = protobuf.encode("TokenizeRequest", {"model": MODEL, "text": "Once"}) + b"\xca\x3e\x03abc\xd0\x3e\x01"
        self.assertEqual(200, self.client.request({"op": "tokenize"}, request).status)

    def test_goodbye_lets_what_is_open_end(self):
        reply, updates = self.client.stream("generate", "GenerateRequest", "GenerationUpdate", generate())
        self.client.close()
        self.assertEqual("NO_ERROR", self.client.connection.closed)
        self.assertIsNotNone(list(updates)[-1]["result"])
        with self.assertRaises((ConnectionFailed, StreamFailed)):
            self.client.call("models.list", answer="ModelList")

    @unittest.skipUnless(KEY, "the gateway asks for no key")
    def test_a_wrong_key_is_turned_away(self):
        for key in (None, "wrong", KEY + "x", KEY[:-1]):
            with self.assertRaises(ConnectionFailed) as caught:
                Client(ADDRESS, key)
            self.assertEqual("UNAUTHENTICATED", caught.exception.code)


if __name__ == "__main__":
    unittest.main()
