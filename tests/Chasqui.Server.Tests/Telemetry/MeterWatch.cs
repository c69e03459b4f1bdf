using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Server.Tests;

/// <summary>One measurement.</summary>
internal sealed record Measured(string Name, string? Unit, double Value, IReadOnlyDictionary<string, string?> Tags);

/// <summary>Listens to the instruments of one gateway, and of no other in this process.</summary>
internal sealed class MeterWatch : IDisposable
{
    private readonly ConcurrentQueue<Measured> _all = new();
    private readonly MeterListener _listener = new();

    public MeterWatch(GatewayTelemetry telemetry)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter != telemetry.Meter)
                return;
            Instruments.Add(instrument);
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public List<Instrument> Instruments { get; } = [];

    public IReadOnlyList<Measured> All => [.. _all];

    public IReadOnlyList<Measured> Of(string name) => [.. _all.Where(measured => measured.Name == name)];

    /// <summary>The measurements of one instrument once there are that many.</summary>
    public async Task<IReadOnlyList<Measured>> OfAsync(string name, int count = 1)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (Of(name).Count < count)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return Of(name);
    }

    /// <summary>Reads what is only told when asked.</summary>
    public void Observe() => _listener.RecordObservableInstruments();

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var copy = new Dictionary<string, string?>();
        foreach (var (name, text) in tags)
            copy.Add(name, text?.ToString());
        _all.Enqueue(new Measured(instrument.Name, instrument.Unit, value, copy));
    }
}
