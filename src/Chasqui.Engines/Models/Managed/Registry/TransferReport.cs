namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Tells how far a blob is, not too often.</summary>
internal sealed class TransferReport(string verb, StoredLayer layer, IProgressSink progress, RegistryOptions options, TimeProvider time)
{
    private readonly string _status = $"{verb} {layer.Digest.Short}";
    private readonly Lock _gate = new();
    private long _last = time.GetTimestamp();

    /// <summary>So many bytes are there.</summary>
    public void At(long completed)
    {
        lock (_gate)
        {
            if (time.GetElapsedTime(_last) < options.Report)
                return;
            _last = time.GetTimestamp();
        }
        progress.Count(Of(completed));
    }

    /// <summary>All is there.</summary>
    public ValueTask EndAsync() => progress.SayAsync(Of(layer.Size));

    private ModelProgress Of(long completed) => new(_status, layer.Digest.ToString(), layer.Size, completed);
}
