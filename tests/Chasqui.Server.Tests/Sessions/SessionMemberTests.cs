using System.Net;
using System.Text;
using System.Text.Json;
using Chasqui.Server.Tests.Keys;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Chats that name their session in the body.</summary>
public sealed class SessionMemberTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Chats => new()
    {
        { "/api/chat", """{"model":"mini","stream":false,"messages":[{"role":"user","content":"Hello"}],"session":SESSION}""" },
        { "/v1/chat/completions", """{"session":SESSION,"model":"mini","messages":[{"role":"user","content":"Hello"}]}""" },
        { "/v1/responses", """{"model":"mini","input":"Hello","session":SESSION}""" },
        { "/v1/messages", """{"model":"mini","max_tokens":10,"session":SESSION,"messages":[{"role":"user","content":"Hello"}]}""" },
    };

    [Theory]
    [MemberData(nameof(Chats))]
    public async Task Each_API_records_where_its_body_says(string path, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());

        var first = await SendAsync(gateway, path, body.Replace("SESSION", "\"talk\"", StringComparison.Ordinal));
        var second = await SendAsync(gateway, path, body.Replace("SESSION", """{"id":"talk","version":2}""", StringComparison.Ordinal));
        var stale = await SendAsync(gateway, path, body.Replace("SESSION", """{"id":"talk","version":2}""", StringComparison.Ordinal));

        Assert.Equal(("talk", 2), SessionOf(first.Body));
        Assert.Equal(("talk", 3), SessionOf(second.Body));
        Assert.Equal(HttpStatusCode.Conflict, stale.Status);
        Assert.Contains("\"message_count\":4", await gateway.Http.GetStringAsync("/api/sessions/talk", Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Chats))]
    public async Task What_cannot_be_a_session_is_refused_and_nothing_is_asked(string path, string body)
    {
        var asked = 0;
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(() => asked++));
        foreach (var wrong in new[] { "7", "[]", "{}", "\"../x\"", """{"id":"a","version":-1}""", """{"id":"a","versoin":1}""", """{"id":7}""" })
        {
            var answer = await SendAsync(gateway, path, body.Replace("SESSION", wrong, StringComparison.Ordinal));
            Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{wrong}: {answer.Status} {answer.Body}");
        }
        using var both = new HttpRequestMessage(HttpMethod.Post, path) { Content = Json(body.Replace("SESSION", "\"a\"", StringComparison.Ordinal)), Headers = { { "X-Chasqui-Session", "b" } } };
        using var refused = await gateway.Http.SendAsync(both, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(0, asked);
    }

    [Theory]
    [InlineData("/api/generate")]
    [InlineData("/v1/completions")]
    public async Task A_prompt_is_no_turn_of_a_session(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());

        var answer = await SendAsync(gateway, path, """{"model":"mini","prompt":"Hello","stream":false,"session":"talk"}""");

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("sessions are for chats", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_is_made_again_without_thinking_is_one_turn()
    {
        var engine = new ScriptedEngine
        {
            Models = KeyModels.Engine().Models,
            Answer = (request, token) => request.Think is null ? ScriptedEngine.TokensAsync(["Hi"], token) : throw new UnsupportedCapabilityException("mini", "thinking"),
        };
        await using var gateway = await RunningGateway.StartAsync(engine);

        var answer = await SendAsync(
            gateway, "/v1/messages", """{"model":"mini","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"session":"new","messages":[{"role":"user","content":"Hello"}]}""");

        Assert.Equal(2, SessionOf(answer.Body).Version);
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static async Task<(HttpStatusCode Status, string Body)> SendAsync(RunningGateway gateway, string path, string body)
    {
        using var answer = await gateway.Http.PostAsync(path, Json(body), Cancellation);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }

    private static (string Id, int Version) SessionOf(string body)
    {
        using var json = JsonDocument.Parse(body);
        Assert.True(json.RootElement.TryGetProperty("session", out var session), body);
        return (session.GetProperty("id").GetString()!, session.GetProperty("version").GetInt32());
    }
}
