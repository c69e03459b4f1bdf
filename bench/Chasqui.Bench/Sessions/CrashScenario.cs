using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Chasqui.Bench.Engine;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Sessions;

/// <summary>A gateway that is killed at random moments while many write to sessions: whether all that was acknowledged is there, and nothing by halves.</summary>
internal sealed class CrashScenario : IBenchScenario
{
    private const int Writers = 16;
    private const int KillsARound = 20;

    public string Name => "crash";

    public string Description => "kills the gateway 20 times a round while 16 write to sessions, and looks for writes that were acknowledged and are gone";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        var table = new SampleTable();
        var random = new Random(1);
        using var gateway = await SessionGateway.StartAsync(folder => RandomModel.Write(Path.Combine(folder, "bench.gguf"), 1), cancellationToken).ConfigureAwait(false);
        var writers = new List<Writer>();
        for (var i = 0; i < Writers; i++)
        {
            var mode = i % 2 == 0 ? "immediate" : "batched";
            writers.Add(new Writer((await gateway.PostAsync("/api/sessions", $$"""{"mode":"{{mode}}"}""", cancellationToken).ConfigureAwait(false)).GetProperty("id").GetString()!));
        }
        for (var round = 1; round <= options.Rounds; round++)
        {
            long acknowledged = 0;
            for (var kill = 1; kill <= KillsARound; kill++)
            {
                progress.Report($"round {round} of {options.Rounds}: kill {kill} of {KillsARound}");
                var before = writers.Sum(writer => writer.Acknowledged.Count);
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var writing = writers.Select(writer => writer.RunAsync(gateway, stop.Token)).ToList();
                await Task.Delay(random.Next(50, 600), cancellationToken).ConfigureAwait(false);
                var clock = Stopwatch.StartNew();
                await gateway.KillAsync(cancellationToken).ConfigureAwait(false);
                table.Add("there again after ms", "ms", clock.Elapsed.TotalMilliseconds);
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(writing).ConfigureAwait(false);
                acknowledged += writers.Sum(writer => writer.Acknowledged.Count) - before;
                foreach (var writer in writers)
                    await writer.CheckAsync(gateway, cancellationToken).ConfigureAwait(false);
            }
            table.Add("kills", "1", KillsARound);
            table.Add("writes acknowledged", "1", acknowledged);
            table.Add("acknowledged writes lost", "1", 0);
            table.Add("turns written by halves", "1", 0);
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows, []);
    }

    /// <summary>One who writes to a session of his own, and knows what was acknowledged.</summary>
    private sealed class Writer(string id)
    {
        private int _number;

        /// <summary>Numbers by the versions that were told.</summary>
        public Dictionary<long, int> Acknowledged { get; } = [];

        public async Task RunAsync(SessionGateway gateway, CancellationToken cancellationToken)
        {
            try
            {
                while (true)
                {
                    var number = ++_number;
                    var body = string.Create(CultureInfo.InvariantCulture, $$"""{"messages":[{"role":"user","content":"question {{number}}"},{"role":"assistant","content":"answer {{number}}"}]}""");
                    var session = await gateway.PostAsync($"/api/sessions/{id}/messages", body, cancellationToken).ConfigureAwait(false);
                    Acknowledged.Add(session.GetProperty("version").GetInt64(), number);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                // It is dead.
                return;
            }
        }

        /// <exception cref="IOException">Something is missing, or there by halves.</exception>
        public async Task CheckAsync(SessionGateway gateway, CancellationToken cancellationToken)
        {
            var (last, missing) = (0L, new Dictionary<long, int>(Acknowledged));
            while (true)
            {
                var page = JsonElement.Parse(await gateway.Http.GetByteArrayAsync(new Uri($"/api/sessions/{id}/changes?after={last}&limit=1000", UriKind.Relative), cancellationToken).ConfigureAwait(false));
                var changes = page.GetProperty("changes").EnumerateArray().ToList();
                if (changes.Count == 0)
                    break;
                foreach (var change in changes)
                {
                    var version = change.GetProperty("version").GetInt64();
                    if (version != last + 1)
                        throw new IOException($"session {id}: version {version} follows {last}");
                    last = version;
                    if (change.GetProperty("kind").GetString() != "appended")
                        continue;
                    var texts = change.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("content").GetString()!).ToList();
                    if (texts is not [var question, var answer] || question.Split(' ')[^1] != answer.Split(' ')[^1])
                        throw new IOException($"session {id}: version {version} is there by halves: {string.Join(" | ", texts)}");
                    if (missing.Remove(version, out var number) && question != $"question {number}")
                        throw new IOException($"session {id}: version {version} was acknowledged for {number}, and is {question}");
                }
            }
            if (missing.Count > 0)
                throw new IOException($"session {id}: {missing.Count} writes were acknowledged and are lost, the first at version {missing.Keys.Min()}");
        }
    }
}
