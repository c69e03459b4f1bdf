using System.Text.Json;
using Chasqui.Server.Tests.Keys;

namespace Chasqui.Server.Tests.Clients;

/// <summary>Requests that real clients send in their default use (<c>real-clients.jsonl</c>), each before every engine that its case names.</summary>
public sealed class RealClientTests
{
    private static readonly Dictionary<string, Func<RealClientBed, RealClientCase, Task>> _checks = new(StringComparer.Ordinal)
    {
        ["responses-summary-parts"] = SummaryPartsAsync,
        ["responses-namespace-tools"] = NamespaceToolsAsync,
        ["responses-web-search"] = WebSearchAsync,
        ["responses-previous-id"] = PreviousIdAsync,
        ["messages-hosted-tool"] = HostedToolAsync,
        ["messages-any-tool"] = AnyToolAsync,
        ["messages-thread"] = ThreadAsync,
        ["messages-signature"] = SignatureAsync,
        ["messages-tool-input"] = ToolInputAsync,
        ["chat-num-ctx"] = NumCtxAsync,
        ["chat-load-duration"] = LoadDurationAsync,
        ["chat-shift-false"] = ShiftFalseAsync,
        ["debug-render"] = DebugRenderAsync,
        ["create-outside"] = CreateOutsideAsync,
        ["runaway"] = RunawayAsync,
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var one in RealClientCase.All.Values)
            {
                foreach (var engine in one.Engines)
                    cases.Add(one.Id, engine);
            }
            return cases;
        }
    }

    [Fact]
    public void Every_case_is_checked_before_an_engine()
    {
        Assert.Equal(RealClientCase.All.Keys.Order(StringComparer.Ordinal), _checks.Keys.Order(StringComparer.Ordinal));
        Assert.All(RealClientCase.All.Values, one => Assert.NotEmpty(one.Engines));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_client_can_go_on(string id, string engine)
    {
        await using var bed = await RealClientBed.StartAsync(engine);

        await _checks[id](bed, RealClientCase.All[id]);
    }

    private static async Task SummaryPartsAsync(RealClientBed bed, RealClientCase one)
    {
        var types = Events((await bed.AnsweredAsync(one)).Body).Select(TypeOf).ToList();

        Assert.InRange(types.IndexOf("response.reasoning_summary_part.added"), 0, types.IndexOf("response.reasoning_summary_text.delta") - 1);
        Assert.True(types.IndexOf("response.reasoning_summary_part.done") > types.LastIndexOf("response.reasoning_summary_text.delta"));
    }

    private static async Task NamespaceToolsAsync(RealClientBed bed, RealClientCase one)
    {
        await bed.AnsweredAsync(one);
        Assert.Equal(["multi_agent_v1__close_agent"], bed.Offered());

        // The double calls a tool whose name it hears.
        var called = JsonElement.Parse((await bed.AnsweredAsync(one, one.Body.Replace("\"hi\"", "\"close the agent\"", StringComparison.Ordinal))).Body);
        var call = called.GetProperty("output").EnumerateArray().Single(item => TypeOf(item) == "function_call");
        Assert.Equal(("multi_agent_v1", "close_agent"), (call.GetProperty("namespace").GetString(), call.GetProperty("name").GetString()));
        await bed.AnsweredAsync(one, one.Body.Replace("\"hi\"", $$"""
            [{"role":"user","content":"close the agent"},{{call.GetRawText()}},{"type":"function_call_output","call_id":"{{call.GetProperty("call_id").GetString()}}","output":"done"}]
            """, StringComparison.Ordinal));
    }

    private static async Task WebSearchAsync(RealClientBed bed, RealClientCase one)
    {
        var (_, passedOver) = await bed.AnsweredAsync(one);

        Assert.Contains("tools.web_search", passedOver.Split(", "));
        // The shipped model knows no tools, so that those it may leave alone are named as well.
        if (bed.IsEmbedded)
            Assert.Contains("tools", passedOver.Split(", "));
        else
            Assert.Equal(["w"], bed.Offered());
        // With hosted tools alone there is nothing to offer.
        var body = JsonElement.Parse(one.Body).GetProperty("tools").EnumerateArray().First().GetRawText() + ", ";
        Assert.Equal("tools.web_search", (await bed.AnsweredAsync(one, one.Body.Replace(body, "", StringComparison.Ordinal))).PassedOver);
    }

    private static async Task PreviousIdAsync(RealClientBed bed, RealClientCase one)
    {
        var (mine, others) = (await bed.Gateway.AddKeyAsync("a", caller => caller with { Tenant = "one" }), await bed.Gateway.AddKeyAsync("b", caller => caller with { Tenant = "two" }));
        var first = JsonElement.Parse((await bed.AnsweredAsync(one, """{"model":"MODEL","input":"the turn before"}""", mine)).Body).GetProperty("id").GetString()!;
        var body = one.Body.Replace("an id the gateway gave", first, StringComparison.Ordinal);

        var second = JsonElement.Parse((await bed.AnsweredAsync(one, body, mine)).Body);

        Assert.Equal(first, second.GetProperty("previous_response_id").GetString());
        if (!bed.IsEmbedded)
            Assert.Matches("the turn before.*more", bed.Asked());
        var get = one with { Method = "GET" };
        Assert.Equal(200, (await bed.SendAsync(get, "", mine, $"/v1/responses/{first}")).Status);
        Assert.Equal(404, (await bed.SendAsync(get, "", others, $"/v1/responses/{first}")).Status);
        Assert.Equal(404, (await bed.SendAsync(one, body, others)).Status);
    }

    private static async Task HostedToolAsync(RealClientBed bed, RealClientCase one)
    {
        Assert.Equal("tools.web_search_20250305", (await bed.AnsweredAsync(one)).PassedOver);
        Assert.Equal(["w"], bed.Offered());
    }

    private static async Task AnyToolAsync(RealClientBed bed, RealClientCase one)
    {
        var answer = JsonElement.Parse((await bed.AnsweredAsync(one)).Body);

        Assert.Equal("tool_use", answer.GetProperty("stop_reason").GetString());
        var use = answer.GetProperty("content").EnumerateArray().Single(block => TypeOf(block) == "tool_use");
        Assert.Equal(("w", JsonValueKind.Object), (use.GetProperty("name").GetString(), use.GetProperty("input").ValueKind));
    }

    private static async Task ThreadAsync(RealClientBed bed, RealClientCase one)
    {
        var (status, text, _) = await bed.SendAsync(one, one.Body);

        Assert.Equal(400, status);
        Assert.Equal("""{"error_code":"thread_unsupported_request","unsupported":["thread"]}""", JsonElement.Parse(text).GetProperty("error").GetProperty("details").GetRawText());
    }

    private static async Task SignatureAsync(RealClientBed bed, RealClientCase one)
    {
        var events = Events((await bed.AnsweredAsync(one)).Body);

        var deltas = events.Where(e => TypeOf(e) == "content_block_delta" && e.GetProperty("index").GetInt32() == 0).Select(e => e.GetProperty("delta")).ToList();
        var signature = deltas.Single(delta => TypeOf(delta) == "signature_delta").GetProperty("signature").GetString();
        Assert.NotEmpty(signature!);
        var stop = events.FindIndex(e => TypeOf(e) == "content_block_stop");
        Assert.InRange(events.FindIndex(e => e.TryGetProperty("delta", out var delta) && delta.TryGetProperty("signature", out _)), 0, stop - 1);
        var thinking = string.Concat(deltas.Select(delta => delta.TryGetProperty("thinking", out var piece) ? piece.GetString() : ""));
        await bed.AnsweredAsync(one, one.Body.Replace("[{\"role\": \"user\", \"content\": \"THINK\"}]", $$"""
            [{"role":"user","content":"THINK"},{"role":"assistant","content":[{"type":"thinking","thinking":{{JsonSerializer.Serialize(thinking)}},"signature":"{{signature}}"},{"type":"text","text":"Well."}]},{"role":"user","content":"more"}]
            """, StringComparison.Ordinal));
        Assert.Contains("Well.", bed.Asked(), StringComparison.Ordinal);
    }

    private static async Task ToolInputAsync(RealClientBed bed, RealClientCase one)
    {
        await bed.AnsweredAsync(one);
        Assert.Contains("if (a<b && c>d) é中", bed.Asked(), StringComparison.Ordinal);

        // Nor what is beyond the characters of two bytes, nor spaces of another kind.
        await bed.AnsweredAsync(one, one.Body.Replace("c>d", "c>d \U0001F600\u00A0|", StringComparison.Ordinal));
        Assert.Contains("c>d \U0001F600\u00A0|", bed.Asked(), StringComparison.Ordinal);
    }

    private static async Task NumCtxAsync(RealClientBed bed, RealClientCase one) => Assert.Equal("num_ctx", (await bed.AnsweredAsync(one)).PassedOver);

    private static async Task LoadDurationAsync(RealClientBed bed, RealClientCase one)
    {
        var answers = new[]
        {
            (await bed.AnsweredAsync(one)).Body,
            (await bed.AnsweredAsync(one with { Path = "/api/generate" }, """{"model":"MODEL","stream":false,"prompt":"hi"}""")).Body,
            (await bed.AnsweredAsync(one with { Path = "/api/embed" }, """{"model":"mini-embed","input":"hi"}""")).Body,
        };
        Assert.All(answers, answer => Assert.Equal(JsonValueKind.Number, JsonElement.Parse(answer).GetProperty("load_duration").ValueKind));
    }

    private static async Task ShiftFalseAsync(RealClientBed bed, RealClientCase one)
    {
        var (status, text, _) = await bed.SendAsync(one, one.Body);

        Assert.Equal(400, status);
        Assert.Contains("longer than the context", text, StringComparison.Ordinal);
    }

    private static async Task DebugRenderAsync(RealClientBed bed, RealClientCase one) => Assert.Equal(
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n",
        JsonElement.Parse((await bed.AnsweredAsync(one)).Body).GetProperty("_debug_info").GetProperty("rendered_template").GetString());

    private static async Task CreateOutsideAsync(RealClientBed bed, RealClientCase one)
    {
        var (status, text, _) = await bed.SendAsync(one, one.Body);

        Assert.Equal((400, "file path must be relative"), (status, JsonElement.Parse(text).GetProperty("error").GetString()));
    }

    /// <summary>The shipped model does not repeat itself, so a pattern makes it.</summary>
    private static async Task RunawayAsync(RealClientBed bed, RealClientCase one)
    {
        var body = one.Body.Replace("\"a model that repeats one token for ever\"", "\"mini\",\"options\":{\"temperature\":0},\"format\":{\"type\":\"string\",\"pattern\":\"^7{100}$\"}", StringComparison.Ordinal);

        var answer = JsonElement.Parse((await bed.AnsweredAsync(one, body)).Body);

        Assert.Equal(('"' + new string('7', 31), "length"), (answer.GetProperty("response").GetString(), answer.GetProperty("done_reason").GetString()));
    }

    private static string? TypeOf(JsonElement json) => json.GetProperty("type").GetString();

    private static List<JsonElement> Events(string text) =>
        [.. text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonElement.Parse(line["data: ".Length..]))];
}
