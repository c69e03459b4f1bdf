using System.Collections.Concurrent;
using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>How the body of an answer ends.</summary>
internal enum PassingEnd
{
    /// <summary>As it should.</summary>
    Clean,

    /// <summary>The connection breaks.</summary>
    Broken,

    /// <summary>Nothing more comes until the request is given up.</summary>
    Silent,
}

/// <summary>A node that speaks every API and answers what a test says, byte for byte.</summary>
internal sealed class PassingNode(Func<PassageRequest, PassingAnswer> answer) : INodeConnection, IHttpPassage
{
    public IEngine Engine { get; init; } = new ScriptedEngine();

    public IHttpPassage Passage => this;

    /// <summary>What was asked, in order.</summary>
    public ConcurrentQueue<PassageRequest> Requests { get; } = new();

    /// <summary>What was answered, in order.</summary>
    public ConcurrentQueue<PassingAnswer> Answers { get; } = new();

    public static string TypeOf(PassageRequest request) => request.Path.StartsWith("/api/", StringComparison.Ordinal) ? "application/x-ndjson" : "text/event-stream";

    /// <summary>A gateway before such nodes, named <c>n0</c>, <c>n1</c> and so on.</summary>
    public static Task<RunningGateway> StartAsync(params PassingNode[] nodes) => StartAsync(null, nodes);

    /// <summary>The same by a clock of the test's own.</summary>
    public static Task<RunningGateway> StartAsync(TimeProvider? time, params PassingNode[] nodes) => StartAsync(time, one => one, nodes);

    /// <summary>The same with other options of each node.</summary>
    public static async Task<RunningGateway> StartAsync(TimeProvider? time, Func<NodeOptions, NodeOptions> change, params PassingNode[] nodes)
    {
        var options = nodes.Select((_, i) => change(new NodeOptions { Name = $"n{i}", Url = $"http://127.0.0.1:{i + 1}", Kind = NodeKind.Ollama })).ToList();
        var routing = new RoutingOptions { CanaryAfter = TimeSpan.Zero };
        var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(),
            given => given with { EngineEnabled = false, Nodes = options, Routing = routing },
            builder =>
            {
                if (time is not null)
                    builder.Services.AddSingleton(time);
                builder.Services.AddSingleton(provider => new NodeSet(
                    new GatewaySettings { Nodes = options, Routing = routing }, one => nodes[options.FindIndex(o => o.Name == one.Name)],
                    provider.GetRequiredService<TimeProvider>(), NullLogger<NodeSet>.Instance));
            });
        await gateway.App.Services.GetRequiredService<NodeSet>().RefreshAsync(TestContext.Current.CancellationToken);
        return gateway;
    }

    public Task<NodeReport> ReportAsync(CancellationToken cancellationToken) => Task.FromResult(new NodeReport
    {
        Dialects = Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic,
        Models = [new ModelSummary { Name = "mini:latest", Digest = "", Details = new ModelDetails() }],
    });

    public ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken)
    {
        Requests.Enqueue(request);
        var given = answer(request) with { Cancelled = cancellationToken };
        Answers.Enqueue(given);
        return ValueTask.FromResult<IPassageAnswer>(given);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>An answer of a <see cref="PassingNode"/>.</summary>
/// <param name="Type">Its content type.</param>
internal sealed record PassingAnswer(string Type) : IPassageAnswer
{
    private int _next;

    /// <summary>What comes, one after the other.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    /// <summary>What comes instead of <see cref="Parts"/>, as bytes.</summary>
    public IReadOnlyList<byte[]>? Bytes { get; init; }

    public PassingEnd Ending { get; init; }

    public int Status { get; init; } = 200;

    public long? ContentLength { get; init; }

    /// <summary>Whether its reader found it wrong.</summary>
    public bool IsDistrusted { get; private set; }

    public IReadOnlyList<KeyValuePair<string, string>> More { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Headers => [new("Content-Type", Type), .. More];

    /// <summary>Set when all parts were read and the end is waited for.</summary>
    public TaskCompletionSource AllRead { get; init; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CancellationToken Cancelled { get; init; }

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        if (_next < (Bytes?.Count ?? Parts.Count))
            return Bytes is not null ? Bytes[_next++] : Encoding.UTF8.GetBytes(Parts[_next++]);
        if (Ending == PassingEnd.Silent)
        {
            var silence = Task.Delay(Timeout.InfiniteTimeSpan, Cancelled);
            AllRead.TrySetResult();
            await silence;
        }
        AllRead.TrySetResult();
        return Ending == PassingEnd.Clean ? default(ReadOnlyMemory<byte>) : throw new EngineFailedException("the node broke off");
    }

    public void Distrust() => IsDistrusted = true;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
