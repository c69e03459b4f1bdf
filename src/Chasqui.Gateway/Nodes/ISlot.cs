namespace Chasqui.Gateway.Nodes;

/// <summary>A request's place among the slots of its node. Thread-safe.</summary>
internal interface ISlot
{
    /// <summary>The node has begun to answer.</summary>
    void Began();

    /// <summary>The place is free again; further calls change nothing.</summary>
    /// <param name="tokens">Tokens that the request took, prompt and answer together; null where nobody knows.</param>
    /// <param name="succeeded">Whether it was answered.</param>
    void Release(long? tokens, bool succeeded);
}
