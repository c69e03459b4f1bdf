using System.Collections.Concurrent;

namespace Chasqui.Gateway.Nodes;

/// <summary>How fast a node has been: moving averages, each new value weighing a fifth. Thread-safe; a lost update among many does no harm.</summary>
public sealed class NodeSpeed
{
    private const double NewWeight = 0.2;

    // Guesses until something was measured: a laptop reading a disk, and a small GPU.
    private const double GuessedBytesASecond = 500e6;
    private const double GuessedPromptTokensASecond = 500;
    private const double GuessedServiceSeconds = 2;
    private const double GuessedLoadSeconds = 5;
    private const int MaxModels = 1_000;

    private readonly ConcurrentDictionary<string, double> _loads = new(ModelNames.Comparer);
    private readonly ConcurrentDictionary<string, double> _services = new(ModelNames.Comparer);
    private double _promptRate;
    private double _service;

    /// <summary>Prompt tokens computed in a second.</summary>
    public double PromptTokensPerSecond => Volatile.Read(ref _promptRate) is > 0 and var rate ? rate : GuessedPromptTokensASecond;

    /// <summary>Seconds that a request holds its slot.</summary>
    public double ServiceSeconds => Volatile.Read(ref _service) is > 0 and var seconds ? seconds : GuessedServiceSeconds;

    /// <summary>Seconds that a request of a model holds its slot; those of all models where it has run none.</summary>
    public double ServiceSecondsOf(string model) => _services.TryGetValue(model, out var seconds) ? seconds : ServiceSeconds;

    /// <summary>Seconds to bring a model into memory.</summary>
    /// <param name="model">Its name.</param>
    /// <param name="bytes">Its size; 0 where unknown.</param>
    public double LoadSeconds(string model, long bytes) =>
        _loads.TryGetValue(model, out var seconds) ? seconds : bytes > 0 ? Math.Max(0.2, bytes / GuessedBytesASecond) : GuessedLoadSeconds;

    /// <summary>A prompt was computed.</summary>
    public void Prompted(int tokens, TimeSpan took)
    {
        if (tokens >= 16 && took > TimeSpan.Zero)
            Average(ref _promptRate, Math.Clamp(tokens / took.TotalSeconds, 1, 1e6));
    }

    /// <summary>A request was served.</summary>
    public void Served(string model, TimeSpan took)
    {
        var seconds = Math.Max(1e-4, took.TotalSeconds);
        Average(ref _service, seconds);
        Average(_services, model, seconds);
    }

    /// <summary>A model was loaded.</summary>
    public void Loaded(string model, TimeSpan took) => Average(_loads, model, took.TotalSeconds);

    private static void Average(ConcurrentDictionary<string, double> averages, string model, double value)
    {
        if (averages.Count < MaxModels || averages.ContainsKey(model))
            averages.AddOrUpdate(model, static (_, seconds) => seconds, static (_, old, seconds) => old + (NewWeight * (seconds - old)), value);
    }

    private static void Average(ref double average, double value)
    {
        var old = Volatile.Read(ref average);
        Volatile.Write(ref average, old > 0 ? old + (NewWeight * (value - old)) : value);
    }
}
