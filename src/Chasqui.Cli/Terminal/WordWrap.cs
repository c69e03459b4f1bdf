using System.Globalization;
using System.Text;

namespace Chasqui.Cli;

/// <summary>
/// Wraps text that comes in pieces at words. Each piece is shown at once: a word that turns out not to fit is taken back and written again in the next line. Not thread-safe.
/// </summary>
/// <param name="width">Columns of the terminal, asked for with each piece since its window may change.</param>
internal sealed class WordWrap(Func<int> width)
{
    private readonly StringBuilder _word = new();
    private int _column;
    private int _wordCells;

    /// <summary>What to write to the terminal for a piece.</summary>
    public string Add(string text)
    {
        // The last column stays free: what a terminal does there differs.
        var most = Math.Max(20, width()) - 1;
        var output = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(text, i);
            Element(output, text.Substring(i, length), most);
            i += length;
        }
        return output.ToString();
    }

    private void Element(StringBuilder output, string element, int most)
    {
        if (element is "\n" or "\r\n")
        {
            Break(output);
            return;
        }
        var cells = element == "\t" ? 8 - (_column % 8) : Cells.Of(element);
        var isSpace = element is " " or "\t";
        if (_column + cells > most)
        {
            if (isSpace)
            {
                // The line break stands for it.
                Break(output);
                return;
            }
            if (_wordCells > 0 && _wordCells < _column)
            {
                var word = _word.ToString();
                var wordCells = _wordCells;
                output.Append(CultureInfo.InvariantCulture, $"\e[{wordCells}D\e[K");
                Break(output);
                output.Append(word);
                _word.Append(word);
                _column = _wordCells = wordCells;
            }
            else
            {
                Break(output);
            }
        }
        output.Append(element);
        _column += cells;
        if (isSpace || cells > 1)
        {
            // Text in wide characters has no spaces, and may be broken after each.
            _word.Clear();
            _wordCells = 0;
        }
        else
        {
            _word.Append(element);
            _wordCells += cells;
        }
    }

    private void Break(StringBuilder output)
    {
        output.Append('\n');
        _word.Clear();
        _wordCells = _column = 0;
    }
}
