using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Many callers before one node that closes its connections as real servers do, or says more than it was asked. Passed on and translated, streamed and whole.</summary>
public sealed class ClosedConnectionTests
{
    private const int Callers = 32;
    private const int Requests = 400;

    private static readonly DoubleScript _well = new() { Models = [new DoubleModel { Name = "mini", AnswerTokens = 8 }], NumParallel = Callers, RecordedRequests = 0 };

    public static TheoryData<NodeKind, bool, string> Ways
    {
        get
        {
            var ways = new TheoryData<NodeKind, bool, string>();
            foreach (var kind in (NodeKind[])[NodeKind.Ollama, NodeKind.OpenAi])
            {
                foreach (var stream in (bool[])[true, false])
                {
                    foreach (var closes in (string[])["after each", "after each, says so", "after three", "when idle"])
                        ways.Add(kind, stream, closes);
                }
            }
            return ways;
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Of_400_requests_of_32_callers_none_fails_where_the_node_closes_its_connections(NodeKind kind, bool stream, string closes)
    {
        await using var fleet = await Fleet.StartAsync(_well with
        {
            Connections = closes switch
            {
                "after each" => new ConnectionScript { CloseAfterRequests = 1 },
                "after each, says so" => new ConnectionScript { CloseAfterRequests = 1, SaysClose = true },
                "after three" => new ConnectionScript { CloseAfterRequests = 3 },
                _ => new ConnectionScript { CloseAfterIdleMilliseconds = 1 },
            },
        }, kind: kind);
        var results = await RunAsync(fleet, stream);
        Assert.All(results, result => Assert.Equal((200, result.Expected), (result.Status, result.Said)));
        Assert.Equal(Requests, results.Count);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task No_answer_is_shifted_by_an_error_that_comes_twice(NodeKind kind)
    {
        await using var fleet = await Fleet.StartAsync(_well, kind: kind);
        var results = await RunAsync(fleet, stream: false, () =>
            fleet.Double.Script = _well with { Faults = [new Fault { Kind = FaultKind.DoubledError, Status = 400, Message = "not so", Requests = 100 }] });
        Assert.All(results, result => Assert.Equal(result.Status == 200 ? result.Expected : "not so", result.Said));
        Assert.Equal("200: 300, 400: 100", Statuses(results));
    }

    [Fact]
    public async Task No_answer_is_shifted_by_a_body_where_there_can_be_none()
    {
        await using var fleet = await Fleet.StartAsync(_well);
        var results = await RunAsync(fleet, stream: false, () =>
            fleet.Double.Script = _well with { Faults = [new Fault { Kind = FaultKind.BodyBehind, Requests = 100 }] });
        Assert.All(results, result => Assert.Equal(result.Status == 200 ? result.Expected : "", result.Said));
        Assert.Equal("200: 300, 204: 100", Statuses(results));
    }

    private static string Statuses(IEnumerable<Result> results) => string.Join(", ", results.GroupBy(result => result.Status).OrderBy(group => group.Key).Select(group => $"{group.Key}: {group.Count()}"));

    private sealed record Result(int Status, string Said, string Expected);

    private static async Task<ConcurrentBag<Result>> RunAsync(Fleet fleet, bool stream, Action? strike = null)
    {
        await fleet.WarmAsync();
        var expected = new string[8];
        for (var i = 0; i < expected.Length; i++)
            expected[i] = (await AskAsync(fleet, i, false)).Said;
        Assert.Equal(expected.Length, expected.Distinct().Count());
        strike?.Invoke();
        var results = new ConcurrentBag<Result>();
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var number && number <= Requests)
            {
                var which = number % expected.Length;
                var (status, said) = await AskAsync(fleet, which, stream);
                results.Add(new Result(status, said, expected[which]));
            }
        }));
        return results;
    }

    private static async Task<(int Status, string Said)> AskAsync(Fleet fleet, int which, bool stream)
    {
        var flag = stream ? "true" : "false";
        using var request = Fleet.Post("/api/chat", $$"""{"model":"mini","messages":[{"role":"user","content":"Question number {{which.ToString(CultureInfo.InvariantCulture)}}"}],"stream":{{flag}} }""");
        using var response = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        var lines = (await response.Content.ReadAsStringAsync(Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!);
        return ((int)response.StatusCode, string.Concat(lines.Select(line => (string?)line["error"] ?? (string?)line["message"]?["content"])));
    }
}
