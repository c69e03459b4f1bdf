namespace Chasqui.Server;

/// <summary>A node of which it is not known what it is until it has answered for the first time.</summary>
/// <param name="name">Its name, for errors.</param>
/// <param name="detect">Finds out; null for a server that is none of those that are known.</param>
internal sealed class DetectingNode(string name, Func<CancellationToken, Task<INodeConnection?>> detect) : INodeConnection
{
    private volatile INodeConnection? _found;

    /// <summary>What it turned out to be; null before.</summary>
    public INodeConnection? Found => _found;

    public IEngine Engine => (_found ?? throw new EngineUnavailableException($"node {name} has not answered yet")).Engine;

    public IHttpPassage? Passage => _found?.Passage;

    /// <summary>One who asks at a time, as the gateway does.</summary>
    public async Task<NodeReport> ReportAsync(CancellationToken cancellationToken)
    {
        var node = _found ??= await detect(cancellationToken).ConfigureAwait(false)
            ?? throw new EngineUnavailableException($"node {name} answers, but speaks neither Ollama's API nor OpenAI's; set its Kind if it does");
        return await node.ReportAsync(cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _found?.DisposeAsync() ?? ValueTask.CompletedTask;
}
