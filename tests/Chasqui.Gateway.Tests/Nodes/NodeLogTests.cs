using System.Collections.Concurrent;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Nodes;

/// <summary>The log says once that a node is down, and once that it is up again.</summary>
public sealed class NodeLogTests
{
    [Fact]
    public async Task A_node_that_fails_and_returns_has_two_lines()
    {
        var (time, node, log) = (new FakeTimeProvider(), new FakeNode("a", "m"), new Lines());
        var routing = new RoutingOptions { CanaryAfter = TimeSpan.Zero };
        await using var nodes = new NodeSet(new GatewaySettings { Nodes = [node.Options], Routing = routing }, _ => node, time, log);
        nodes.Start();
        await LookAsync();
        log.Clear();

        node.Silent = new EngineUnavailableException("node 'a' cannot be reached");
        await LookAsync();
        // It is tried again and again, which is no news.
        for (var i = 0; i < 3; i++)
        {
            time.Advance(routing.BreakerPause);
            await LookAsync();
        }
        node.Silent = null;
        await LookAsync();
        Assert.Equal(["Node a at http://a:11434 is down: cannot be reached"], log.All);

        nodes.All[0].Health.Succeeded();
        await LookAsync();
        time.Advance(routing.RampUp);
        await LookAsync();

        Assert.Equal(["Node a at http://a:11434 is down: cannot be reached", "Node a is up again"], log.All);

        async Task LookAsync()
        {
            await nodes.RefreshAsync(Fleet.Token);
            time.Advance(TimeSpan.FromMilliseconds(100));
        }
    }

    private sealed class Lines : ILogger<NodeSet>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IEnumerable<string> All => _lines;

        public void Clear() => _lines.Clear();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));
    }
}
