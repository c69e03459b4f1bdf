using System.Text;

namespace Chasqui.Server.Tests;

/// <summary>The order of a response's input, as turns: what was thought never moves behind what a user said, and calls that were made at once stay one turn.</summary>
public sealed class ResponseTurnsTests
{
    private const string User = """{"role":"user","content":"u"}""";
    private const string Said = """{"type":"message","role":"assistant","content":"a"}""";
    private const string Thought = """{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}]}""";
    private const string More = """{"type":"reasoning","encrypted_content":"m","summary":[]}""";
    private const string Search = """{"type":"web_search_call","id":"ws_1","status":"completed"}""";
    private const string Call1 = """{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}""";
    private const string Call2 = """{"type":"custom_tool_call","call_id":"c2","name":"g","input":"x"}""";
    private const string Result1 = """{"type":"function_call_output","call_id":"c1","output":"one"}""";
    private const string Result2 = """{"type":"custom_tool_call_output","call_id":"c2","output":"two"}""";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string[]> Inputs => new()
    {
        // A thought belongs to what it precedes.
        { "user a(t)a user", [User, Thought, Said, User] },
        { "user a(t)[f] tool=one user", [User, Thought, Call1, Result1, User] },
        { "user a(t)a[f] tool=one", [User, Thought, Said, Call1, Result1] },
        { "user a(t)a[f] tool=one", [User, Said, Thought, Call1, Result1] },
        // One that is followed by a user's turn stays before it.
        { "user a(t) user", [User, Thought, User] },
        { "user a(t/m) user", [User, Thought, More, User] },
        { "user a(t)a a(m) user", [User, Thought, Said, More, User] },
        { "user a[f] tool=one a(t) user a", [User, Call1, Result1, Thought, User, Said] },
        { "user a(t) system user", [User, Thought, """{"role":"developer","content":"d"}""", User] },
        { "user a(t)", [User, Thought] },
        { "user a[f] tool=one a(t)", [User, Call1, Result1, Thought] },
        // Calls with thoughts between them were made at once.
        { "user a(t/m)[f,g] tool=one tool=two", [User, Thought, Call1, More, Call2, Result1, Result2] },
        { "user a(t)a[f,g] tool=one tool=two", [User, Thought, Call1, Said, Call2, Result1, Result2] },
        { "user a(t)[f,g] tool=one tool=two", [User, Call1, Thought, Search, Call2, Result1, Result2] },
        // Nothing stands between calls and their results.
        { "user a(t)[f] tool=one user", [User, Call1, Thought, Result1, User] },
        { "user a[f,g] tool=one tool=two a(t)a", [User, Call1, Call2, Result1, Thought, Result2, Said] },
        { "user a[f,g] tool=one tool=two a(t) user", [User, Call1, Call2, Result1, Thought, Result2, User] },
        // With a result between them they were not.
        { "user a(t)[f] tool=one a(m)[g] tool=two", [User, Thought, Call1, Result1, More, Call2, Result2] },
        { "user a a user", [User, Said, Said, User] },
        { "user a a(t)a", [User, Said, Thought, Said] },
    };

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task Items_become_turns_in_their_order(string turns, string[] items)
    {
        ChatRequest? sent = null;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                sent = (ChatRequest)request;
                return ScriptedEngine.TokensAsync(["Hi"], token);
            },
        });

        using var response = await gateway.PostAsync("/v1/responses", $$"""{"model":"m","store":false,"input":[{{string.Join(',', items)}}]}""");

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Token));
        Assert.Equal(turns, string.Join(' ', sent!.Messages.Select(Show)));
    }

    private static string Show(ChatMessage turn)
    {
        if (turn.Role != "assistant")
            return turn.Role == "tool" ? $"tool={turn.Content}" : turn.Role;
        var text = new StringBuilder("a");
        if (turn.Thinking is not null)
            text.Append('(').Append(turn.Thinking.Replace('\n', '/')).Append(')');
        text.Append(turn.Thinking is null && turn.ToolCalls is null ? "" : turn.Content);
        if (turn.ToolCalls is { } calls)
            text.Append('[').AppendJoin(',', calls.EnumerateArray().Select(call => call.GetProperty("function").GetProperty("name").GetString())).Append(']');
        return text.ToString();
    }
}
