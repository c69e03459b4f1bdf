namespace Chasqui.Gateway.Nodes;

/// <summary>Whoever keeps a client's connection alive while its answer has not begun, as during a long load.</summary>
public interface ISilence
{
    /// <summary>Told a few times a second how long nothing has come. Must return at once.</summary>
    void Elapsed(TimeSpan since);

    /// <summary>Told about once a second where in line the request is. Must return at once.</summary>
    void Waits(QueuePlace place) => Elapsed(place.Waited);
}

/// <summary>Where in line a request is.</summary>
/// <param name="Position">Its place, from 1.</param>
/// <param name="ExpectedWait">How long it will still wait, as expected.</param>
/// <param name="Waited">How long it has waited.</param>
public readonly record struct QueuePlace(int Position, TimeSpan ExpectedWait, TimeSpan Waited);
