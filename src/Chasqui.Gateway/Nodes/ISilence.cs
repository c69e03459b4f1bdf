namespace Chasqui.Gateway.Nodes;

/// <summary>Whoever keeps a client's connection alive while its answer has not begun, as during a long load.</summary>
public interface ISilence
{
    /// <summary>Told a few times a second how long nothing has come. Must return at once.</summary>
    void Elapsed(TimeSpan since);
}
