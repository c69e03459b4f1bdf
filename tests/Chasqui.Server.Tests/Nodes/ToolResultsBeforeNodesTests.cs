using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Two calls of one tool at once: each result belongs to the call whose id it says, in whatever order the results are given, in each API and before both kinds of node.</summary>
public sealed class ToolResultsBeforeNodesTests
{
    private const string ChatTools = """[{"type":"function","function":{"name":"height","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]""";

    private const string Mcp = "MCP/1";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<NodeKind, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<NodeKind, string, bool>();
            foreach (var kind in (NodeKind[])[NodeKind.Ollama, NodeKind.OpenAi])
            {
                foreach (var path in (string[])["/api/chat", "/v1/chat/completions", "/v1/messages", "/v1/responses", Mcp])
                {
                    // To an Ollama its own language passes by as it is.
                    if (kind == NodeKind.Ollama && path == "/api/chat")
                        continue;
                    cases.Add(kind, path, false);
                    cases.Add(kind, path, true);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_result_is_tied_to_the_call_whose_id_it_says(NodeKind kind, string path, bool isReversed)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini-tools", Capabilities = ["completion", "tools"] }] }, kind: kind);

        await SendAsync(fleet, path, isReversed ? ["c2", "c1"] : ["c1", "c2"]);

        var asked = fleet.Double.Requests.Last(request => request.Path is "/api/chat" or "/v1/chat/completions");
        Assert.Equal(kind == NodeKind.Ollama ? "/api/chat" : "/v1/chat/completions", asked.Path);
        var turns = JsonElement.Parse(asked.Body).GetProperty("messages").EnumerateArray().ToList();
        var calls = Assert.Single(turns, turn => turn.TryGetProperty("tool_calls", out _)).GetProperty("tool_calls").EnumerateArray().Select(call => call.GetProperty("id").GetString());
        Assert.Equal(["c1", "c2"], calls);
        var results = turns.Where(turn => turn.GetProperty("role").GetString() == "tool").ToList();
        Assert.All(results, turn => Assert.Equal(ResultOf(turn.GetProperty("tool_call_id").GetString()!), turn.GetProperty("content").GetString()));
        Assert.All(results, turn => Assert.Equal("height", turn.GetProperty(kind == NodeKind.Ollama ? "tool_name" : "name").GetString()));
        var ids = results.Select(turn => turn.GetProperty("tool_call_id").GetString());
        // An Ollama's template may show no ids: there the order says which result is whose.
        Assert.Equal(kind == NodeKind.OpenAi && isReversed ? ["c2", "c1"] : ["c1", "c2"], ids);
    }

    private static string ResultOf(string id) => id == "c1" ? "161 m" : "3399 m";

    private static async Task SendAsync(Fleet fleet, string path, string[] order)
    {
        if (path == Mcp)
        {
            await using var client = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(fleet.Gateway.App)));
            var chat = new Messages.ChatRequest
            {
                Model = "mini-tools",
                Tools = ChatTools,
                Messages =
                {
                    new Messages.ChatMessage { Role = "user", Content = "How high?" },
                    new Messages.ChatMessage { Role = "assistant", ToolCalls = $"[{OllamaCall("c1", "Lima")},{OllamaCall("c2", "Cusco")}]" },
                    order.Select(id => new Messages.ChatMessage { Role = "tool", Content = ResultOf(id), ToolCallId = id }),
                },
            };
            await foreach (var update in client.ChatAsync(chat, cancellationToken: Token))
                _ = update;
            return;
        }
        using var response = await fleet.Gateway.PostAsync(path, Body(path, order));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Token));
    }

    /// <summary>Where a node would take the body as it is, it asks for a call that must be made, or for an answer that is kept, so that it is read.</summary>
    private static string Body(string path, string[] order) => path switch
    {
        "/api/chat" => $$$"""
            {"model":"mini-tools","stream":false,"tools":{{{ChatTools}}},"messages":[{"role":"user","content":"How high?"},
             {"role":"assistant","tool_calls":[{{{OllamaCall("c1", "Lima")}}},{{{OllamaCall("c2", "Cusco")}}}]},
             {{{Joined(order, OllamaResult)}}}]}
            """,
        "/v1/chat/completions" => $$$"""
            {"model":"mini-tools","tools":{{{ChatTools}}},"tool_choice":"required","messages":[{"role":"user","content":"How high?"},
             {"role":"assistant","tool_calls":[{{{OpenAiCall("c1", "Lima")}}},{{{OpenAiCall("c2", "Cusco")}}}]},
             {{{Joined(order, OpenAiResult)}}}]}
            """,
        "/v1/messages" => $$$"""
            {"model":"mini-tools","max_tokens":9,"tools":[{"name":"height","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"How high?"},
             {"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"height","input":{"city":"Lima"} },{"type":"tool_use","id":"c2","name":"height","input":{"city":"Cusco"} }]},
             {"role":"user","content":[{{{Joined(order, MessagesResult)}}}]}]}
            """,
        _ => $$$"""
            {"model":"mini-tools","tools":[{"type":"function","name":"height","parameters":{"type":"object"}}],"tool_choice":"required","input":[{"role":"user","content":"How high?"},
             {"type":"function_call","call_id":"c1","name":"height","arguments":"{\"city\":\"Lima\"}"},{"type":"function_call","call_id":"c2","name":"height","arguments":"{\"city\":\"Cusco\"}"},
             {{{Joined(order, ResponsesResult)}}}]}
            """,
    };

    private static string Joined(string[] order, Func<string, string> write) => string.Join(",", order.Select(write));

    private static string OllamaCall(string id, string city) => $$$"""{"id":"{{{id}}}","function":{"name":"height","arguments":{"city":"{{{city}}}"} }}""";

    private static string OpenAiCall(string id, string city) => $$$"""{"id":"{{{id}}}","type":"function","function":{"name":"height","arguments":"{\"city\":\"{{{city}}}\"}"}}""";

    private static string OllamaResult(string id) => $$$"""{"role":"tool","tool_name":"height","tool_call_id":"{{{id}}}","content":"{{{ResultOf(id)}}}"}""";

    private static string OpenAiResult(string id) => $$$"""{"role":"tool","tool_call_id":"{{{id}}}","content":"{{{ResultOf(id)}}}"}""";

    private static string MessagesResult(string id) => $$$"""{"type":"tool_result","tool_use_id":"{{{id}}}","content":"{{{ResultOf(id)}}}"}""";

    private static string ResponsesResult(string id) => $$$"""{"type":"function_call_output","call_id":"{{{id}}}","output":"{{{ResultOf(id)}}}"}""";
}
