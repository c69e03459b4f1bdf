using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Bench.Engine;

/// <summary>The embedded engine by itself: tokens per second and time to first token at 1, 4, 16 and 32 sequences.</summary>
internal sealed class EngineScenario : IBenchScenario
{
    private const string Larger = "random-134m";
    private const int Seed = 20;
    private static readonly int[] _levels = [1, 4, 16, 32];

    public string Name => "engine";

    public string Description => "tokens per second and time to first token of the embedded engine at 1, 4, 16 and 32 sequences";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var folder = Directory.CreateTempSubdirectory("chasqui-bench-").FullName;
        try
        {
            progress.Report($"writing a random model of {RandomModel.Parameters / 1_000_000} M parameters");
            await Task.Run(() => RandomModel.Write(Path.Combine(folder, Larger + ".gguf"), Seed), cancellationToken).ConfigureAwait(false);
            var store = new ModelStore(new ModelStoreOptions { Folders = [Path.Combine(AppContext.BaseDirectory, "models"), folder], OllamaFolder = "" });
            var engine = new LlamaEngine(
                new LlamaEngineOptions { Slots = _levels[^1], ContextLength = 1024 }, store, TimeProvider.System, NullLoggerFactory.Instance);
            await using (engine.ConfigureAwait(false))
                return await MeasureAsync(engine, options, progress, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<BenchReport> MeasureAsync(
        LlamaEngine engine, BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        string[] models = ["mini", Larger];
        var samples = new Dictionary<(string Model, int Level), List<EngineSample>>();
        foreach (var model in models)
        {
            progress.Report($"loading {model}");
            await EngineLoad.RunAsync(engine, model, sequences: 1, TimeSpan.FromSeconds(0.5), cancellationToken).ConfigureAwait(false);
        }

        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var model in models)
            {
                foreach (var level in _levels)
                {
                    progress.Report($"round {round} of {options.Rounds}: {model}, {level} sequence{(level == 1 ? "" : "s")}");
                    var sample = await EngineLoad.RunAsync(engine, model, level, TimeSpan.FromSeconds(options.Seconds), cancellationToken)
                        .ConfigureAwait(false);
                    if (!samples.TryGetValue((model, level), out var list))
                        samples.Add((model, level), list = []);
                    list.Add(sample);
                }
            }
        }

        return Report(models, samples);
    }

    private BenchReport Report(string[] models, Dictionary<(string Model, int Level), List<EngineSample>> samples)
    {
        var rows = new List<BenchRow>();
        var ratios = new List<BenchRatio>();
        foreach (var model in models)
        {
            var speed = _levels.ToDictionary(l => l, l => BenchRow.From($"{model} engine x{l}", "tok/s", samples[(model, l)].Select(s => s.TokensPerSecond)));
            rows.AddRange(speed.Values);
            rows.AddRange(_levels.Select(l =>
                BenchRow.From($"{model} time to first token x{l}", "ms", samples[(model, l)].Select(s => s.FirstToken.TotalMilliseconds))));
            rows.AddRange(_levels.Select(l =>
                BenchRow.From($"{model} gateway's own CPU x{l}", "% of a core", samples[(model, l)].Select(s => 100 * s.OwnShare))));
            var prefix = model == Larger ? "" : model + " ";
            ratios.Add(BenchRatio.From($"{prefix}engine tok/s 16/1", speed[16], speed[1]));
            ratios.Add(BenchRatio.From($"{prefix}engine tok/s 32/1", speed[32], speed[1]));
        }

        return new BenchReport(Name, BenchMachine.Current(), rows, ratios);
    }
}
