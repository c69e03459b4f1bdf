namespace Chasqui.Gateway.Telemetry;

/// <summary>The tokens of one request: those that its node counted, else about as many as were passed on. For one request; not thread-safe.</summary>
internal struct AnswerTokens
{
    // A token of text has about as many bytes.
    private const int BytesPerToken = 4;

    private int _input;
    private int _output;
    private long _pieces;
    private long _bytes;
    private bool _isWhole;
    private bool _begun;

    /// <summary>Tokens of the prompt, estimated by its length.</summary>
    public int Expected { get; set; }

    /// <summary>About how many tokens of the answer were passed on: one for each piece with text, or one for four bytes, whichever is more.</summary>
    public readonly int Passed => (int)Math.Min(int.MaxValue, Math.Max(_pieces, _bytes / BytesPerToken));

    /// <summary>Tokens of the answer. A count that came before the end of the answer is a lower bound.</summary>
    public readonly int Output => _isWhole && _output > 0 ? _output : Math.Max(_output, Passed);

    /// <summary>Tokens of the prompt; 0 where the engine has not worked on it.</summary>
    /// <param name="wasAsked">Whether the engine has worked on it, though nothing of an answer came.</param>
    public readonly int Input(bool wasAsked) => _input > 0 ? _input : _begun || wasAsked ? Expected : 0;

    /// <summary>The node counts. The last count holds.</summary>
    public void Count(int input, int output, bool isWhole) => (_input, _output, _isWhole) = (Math.Max(0, input), Math.Max(0, output), isWhole);

    /// <summary>A piece of the answer is passed on.</summary>
    public void Pass(long bytes)
    {
        _begun = true;
        if (bytes <= 0)
            return;
        _pieces++;
        _bytes += bytes;
    }

    /// <summary>So many tokens of an answer that is counted elsewhere have been passed on.</summary>
    public void PassUpTo(int tokens)
    {
        _begun = true;
        _pieces = Math.Max(_pieces, tokens);
    }
}
