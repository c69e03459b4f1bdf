using System.Text;

namespace Chasqui;

/// <summary>Remembers an answer as it is passed on, so that another engine can go on with it, and leaves out what that one repeats. For one answer; not thread-safe.</summary>
public sealed class AnswerSoFar
{
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _thinking = new();
    private readonly List<int> _tokens = [];
    private bool _knowsTokens = true;
    private int _pieces;
    private string _saidText = "";
    private string _saidThinking = "";
    private int _repeatedText;
    private int _repeatedThinking;
    private int _repeatedTokens;

    /// <summary>Whether nothing was passed on yet.</summary>
    public bool IsEmpty => _text.Length == 0 && _thinking.Length == 0;

    /// <summary>How often another engine went on.</summary>
    public int Continuations { get; private set; }

    /// <summary>What is told the engine that goes on.</summary>
    public GenerationSoFar ToSoFar() => new() { Text = _text.ToString(), Thinking = _thinking.ToString(), Tokens = _knowsTokens ? [.. _tokens] : [], Pieces = _pieces };

    /// <summary>Another engine goes on: its updates begin with what was passed on already.</summary>
    public void Restart()
    {
        if (!IsEmpty)
            Continuations++;
        (_saidText, _saidThinking) = (_text.ToString(), _thinking.ToString());
        (_repeatedText, _repeatedThinking, _repeatedTokens) = (_saidText.Length, _saidThinking.Length, _tokens.Count);
    }

    /// <summary>Takes an update.</summary>
    /// <returns>What is new in it; null for nothing.</returns>
    /// <exception cref="EngineFailedException">The engine that goes on says something else than was passed on.</exception>
    public GenerationUpdate? Pass(GenerationUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        if (_repeatedText + _repeatedThinking > 0)
        {
            var text = New(update.Text, _saidText, ref _repeatedText);
            var thinking = New(update.Thinking, _saidThinking, ref _repeatedThinking);
            if (text.Length == 0 && thinking.Length == 0 && update.Result is null)
            {
                Learn("", "", update);
                return null;
            }
            update = update with { Text = text, Thinking = thinking };
        }
        Learn(update.Text, update.Thinking, update);
        return update.Result is { } result && Continuations > 0 ? update with { Result = result with { Continuations = result.Continuations + Continuations } } : update;
    }

    private static string New(string said, string before, ref int repeated)
    {
        var again = Math.Min(repeated, said.Length);
        if (!said.AsSpan(0, again).SequenceEqual(before.AsSpan(before.Length - repeated, again)))
            throw new EngineFailedException("the answer was interrupted, and the engine that went on with it said something else than had been said; send the request again");
        repeated -= again;
        return said[again..];
    }

    private void Learn(string text, string thinking, GenerationUpdate update)
    {
        if (text.Length + thinking.Length > 0)
            _pieces++;
        _text.Append(text);
        _thinking.Append(thinking);
        if (update.Tokens is { } tokens)
        {
            var again = Math.Min(_repeatedTokens, tokens.Count);
            _repeatedTokens -= again;
            for (var i = again; i < tokens.Count; i++)
                _tokens.Add(tokens[i]);
        }
        else if (text.Length + thinking.Length > 0)
        {
            _knowsTokens = false;
        }
    }
}
